//! Which span of which trace, as W3C Trace Context writes it: <https://www.w3.org/TR/trace-context/>.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// Bytes of a `traceparent`; anything longer or shorter is none.
pub const TRACEPARENT_BYTES: usize = 55;
/// The version that is written and read.
const VERSION: &str = "00";
/// The flag of a trace whose spans are sent.
const SAMPLED: u8 = 1;

/// A span in its trace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) sampled: bool,
}

impl Context {
    /// The first span of a new trace, whose spans are sent in so many of all traces.
    pub(super) fn begin(sample_ratio: f64) -> Self {
        let trace = rand::random();
        Self {
            trace,
            span: rand::random(),
            sampled: is_sampled(&trace, sample_ratio),
        }
    }

    /// The hop of this handover: the same for everybody who knows its id.
    pub fn of_handover(handover_id: &str, sample_ratio: f64) -> Self {
        let digest = Sha256::digest(format!("trace\0{handover_id}"));
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&digest[..16]);
        span.copy_from_slice(&digest[16..24]);
        Self {
            trace,
            span,
            sampled: is_sampled(&trace, sample_ratio),
        }
    }

    /// The next span.
    pub(super) fn child(self) -> Self {
        Self {
            span: rand::random(),
            ..self
        }
    }

    /// What somebody else says; nothing when it is not of exactly this shape.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TRACEPARENT_BYTES || !text.is_ascii() {
            return None;
        }
        let mut parts = text.split('-');
        let mut next = |version: bool| parts.next().filter(|part| !version || *part == VERSION);
        next(true)?;
        let (mut trace, mut span, mut flags) = ([0; 16], [0; 8], [0; 1]);
        for bytes in [&mut trace[..], &mut span[..], &mut flags[..]] {
            let part = next(false)?;
            // The standard has lower case alone.
            if part.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return None;
            }
            hex::decode_to_slice(part, bytes).ok()?;
        }
        let is_whole = next(false).is_none() && trace != [0; 16] && span != [0; 8];
        is_whole.then_some(Self {
            trace,
            span,
            sampled: flags[0] & SAMPLED != 0,
        })
    }

    /// Whether both are of one trace.
    pub fn is_same_trace(&self, other: &Self) -> bool {
        self.trace == other.trace
    }
}

/// As the samplers of OpenTelemetry decide: by the lower half of the trace's id, so that all who have the same
/// ratio come to the same.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn is_sampled(trace: &[u8; 16], ratio: f64) -> bool {
    let mut low = [0; 8];
    low.copy_from_slice(&trace[8..]);
    let bound = (ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64;
    u64::from_be_bytes(low) >> 1 < bound
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (hex::encode(self.trace), hex::encode(self.span));
        let flags = u8::from(self.sampled) * SAMPLED;
        write!(f, "{VERSION}-{trace}-{span}-{flags:02x}")
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_written_is_read_again() {
        let context = Context::parse(GOOD).unwrap();
        assert!(context.sampled);
        assert_eq!(context.to_string(), GOOD);
        let quiet = GOOD.replace("-01", "-00");
        assert!(!Context::parse(&quiet).unwrap().sampled);
    }

    #[test]
    fn whatever_has_another_shape_is_nothing() {
        for bad in [
            String::new(),
            "rubbish".into(),
            GOOD.to_uppercase(),
            GOOD.replace("00-4b", "01-4b"),
            GOOD.replace("00-4b", "ff-4b"),
            format!("{GOOD}-more"),
            GOOD.replace('-', "_"),
            GOOD.replace('f', "g"),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            "ế".repeat(18) + "x",
            "x".repeat(1024 * 1024),
        ] {
            assert_eq!(Context::parse(&bad), None, "{bad:.80}");
        }
    }

    #[test]
    fn everybody_derives_the_same_hop_from_a_handover_and_samples_it_alike() {
        let hop = |id: &str| Context::of_handover(id, 1.0);
        assert_eq!(hop("0a1b"), hop("0a1b"));
        assert!(!hop("0a1b").is_same_trace(&hop("0a1c")));
        assert!(hop("0a1b").sampled);
        let sampled = (0..10_000).filter(|n| Context::of_handover(&n.to_string(), 0.1).sampled);
        let sampled = sampled.count();
        assert!((800..1_200).contains(&sampled), "{sampled}");
        assert!(!Context::of_handover("0a1b", 0.0).sampled);
    }
}
