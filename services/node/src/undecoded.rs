//! What cannot be decoded as a message of the contract: refused with its field, like any bad input.

use crate::{fault::Fault, stream::MESSAGE_BYTES_MAX};
use http::Response;
use tonic::{Code, Status, body::Body};
use tower::util::MapResponseLayer;

/// How the decoder's own refusals begin.
const PREFIX: &str = "failed to decode Protobuf message: ";

/// How the refusal of a message that is longer than the limit begins.
const TOO_LARGE: &str = "Error, decoded message length too large";

/// The layer that [`layer`] makes.
pub type Layer = MapResponseLayer<fn(Response<Body>) -> Response<Body>>;

/// A layer for servers: a request that cannot be decoded is the caller's fault
/// (`INVALID_ARGUMENT`, `MESSAGE_UNREADABLE`, with the field), not the server's.
pub fn layer() -> Layer {
    MapResponseLayer::new(refuse)
}

fn refuse(mut response: Response<Body>) -> Response<Body> {
    let told = Status::from_header_map(response.headers())
        .as_ref()
        .and_then(fault);
    if let Some(fault) = told {
        // A status of this size always fits; if not, the decoder's own refusal stays.
        let _ = fault.into_status().add_header(response.headers_mut());
    }
    response
}

fn fault(status: &Status) -> Option<Fault> {
    if status.code() == Code::OutOfRange && status.message().starts_with(TOO_LARGE) {
        return Some(Fault::new(
            Code::InvalidArgument,
            "MESSAGE_TOO_LARGE",
            format!(
                "a message has at most {MESSAGE_BYTES_MAX} bytes; send documents through DocumentService, and lists by pages"
            ),
            format!(
                "Một thông điệp có tối đa {MESSAGE_BYTES_MAX} byte. Gửi tài liệu qua DocumentService, danh sách theo trang."
            ),
        ));
    }
    let why = status
        .message()
        .strip_prefix(PREFIX)
        .filter(|_| status.code() == Code::Internal)?;
    let fault = Fault::new(
        Code::InvalidArgument,
        "MESSAGE_UNREADABLE",
        format!("the message cannot be decoded ({why}); send it as the contract says"),
        "Không đọc được thông điệp. Gửi đúng theo hợp đồng giao tiếp.",
    );
    Some(match path(why) {
        path if path.is_empty() => fault,
        path => fault.field(path, "must be as the contract says"),
    })
}

/// The field's path, from the names of messages and fields that lead to it.
fn path(why: &str) -> String {
    let fields = why.split(": ").map_while(|place| {
        let (message, field) = place.split_once('.')?;
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (is_name(message) && is_name(field)).then_some(field)
    });
    // The decoder names the innermost first.
    let mut fields: Vec<_> = fields.collect();
    fields.reverse();
    fields.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::v1;
    use prost::Message as _;

    #[test]
    fn the_field_is_named_by_its_path() {
        // party_id of a party is no UTF-8.
        let bytes = [0x32, 3, 0x0a, 1, 0xff];
        let error = v1::SubmitRequest::decode(bytes.as_slice()).unwrap_err();
        let fault = fault(&Status::internal(error.to_string())).unwrap();
        assert_eq!(fault.code(), Code::InvalidArgument);
        let fields = Fault::fields_of(&fault.into_status());
        assert_eq!(fields[0].0, "parties.party_id");
    }

    #[test]
    fn other_answers_stay_as_they_are() {
        let told = |status: Status| refuse(status.into_http()).headers().clone();
        for status in [Status::internal("broken"), Status::invalid_argument(PREFIX)] {
            let before = status.clone().into_http::<Body>().headers().clone();
            assert_eq!(told(status), before);
        }
    }
}
