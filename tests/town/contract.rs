//! The contract as it was agreed: every change of `proto/` is seen and accepted by a person, and
//! README says what is not served yet.

use crate::town::{Caller, Town, caller::reason};
use contract::DESCRIPTORS;
use node::identity::Role;
use prost::Message as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tonic::{Code, Status};

/// Set to accept the contract as it is now.
const ACCEPT: &str = "TOWN_ACCEPT_CONTRACT";

#[test]
fn the_contract_is_the_one_that_was_agreed() {
    let file = root().join("tests/contract.binpb");
    let now = without_comments(FileDescriptorSet::decode(DESCRIPTORS).unwrap());
    if std::env::var_os(ACCEPT).is_some() {
        fs::write(&file, now.encode_to_vec()).unwrap();
        return;
    }
    let agreed = fs::read(&file).expect("tests/contract.binpb, the contract as it was agreed");
    let agreed = FileDescriptorSet::decode(agreed.as_slice()).unwrap();
    let (before, after) = (said(&agreed), said(&now));
    let list = |what: &str, lines: Vec<&String>| match lines.as_slice() {
        [] => String::new(),
        lines => format!(
            "{what}:\n{}",
            lines
                .iter()
                .map(|line| format!("    {line}\n"))
                .collect::<String>()
        ),
    };
    let told = format!(
        "proto/ is not the contract that was agreed.\n{}{}\
         What is gone breaks everybody who uses it: give new things new numbers and leave the old \
         ones. When it shall be so, accept it and commit tests/contract.binpb:\n    \
         {ACCEPT}=1 cargo test --test town the_contract_is\n",
        list("gone", before.difference(&after).collect()),
        list("new", after.difference(&before).collect()),
    );
    assert!(agreed == now, "{told}");
}

#[tokio::test]
async fn readme_names_the_calls_that_are_not_served_yet() {
    let town = Town::with(["police"]).await;
    let mut unserved = BTreeSet::new();
    for (service, method) in methods() {
        let caller = match service.as_str() {
            "DeskService" => town.desk().caller.clone(),
            "ExchangeService" | "DocumentService" => town.system_of("police"),
            "OperatorService" => town.operator(),
            "DepartmentService" => town.caller_at("police", Role::Broker, "broker"),
            other => panic!("who calls {other}?"),
        };
        let answer = caller.call_with_nothing(&service, &method).await;
        if let Err(status) = answer
            && status.code() == Code::Unimplemented
        {
            assert_eq!(reason(&status), "NOT_IMPLEMENTED", "{service}.{method}");
            unserved.insert(format!("{service}.{method}"));
        }
    }
    assert_eq!(named_in_readme(), unserved);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn without_comments(mut set: FileDescriptorSet) -> FileDescriptorSet {
    set.file
        .retain(|file| !file.name().starts_with("google/protobuf/"));
    for file in &mut set.file {
        file.source_code_info = None;
    }
    set
}

/// Everything that a contract says, a line each.
fn said(set: &FileDescriptorSet) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in &set.file {
        let package = file.package();
        for message in &file.message_type {
            message_lines(
                &format!("{package}.{}", message.name()),
                message,
                &mut lines,
            );
        }
        for one in &file.enum_type {
            for value in &one.value {
                let (name, number) = (value.name(), value.number());
                lines.insert(format!("enum {package}.{}: {name} = {number}", one.name()));
            }
        }
        for service in &file.service {
            for method in &service.method {
                let stream = |is: bool| if is { "stream " } else { "" };
                lines.insert(format!(
                    "rpc {package}.{}.{}({}{}) returns ({}{})",
                    service.name(),
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type(),
                ));
            }
        }
    }
    lines
}

fn message_lines(path: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    lines.insert(format!("message {path}"));
    for field in &message.field {
        let oneof = field.oneof_index.map_or(String::new(), |index| {
            format!(" in oneof {}", message.oneof_decl[index as usize].name())
        });
        lines.insert(format!("message {path}: {}{oneof}", field_line(field)));
    }
    for nested in &message.nested_type {
        message_lines(&format!("{path}.{}", nested.name()), nested, lines);
    }
}

fn field_line(field: &FieldDescriptorProto) -> String {
    let many = if field.label() == Label::Repeated {
        "repeated "
    } else {
        ""
    };
    let of = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().to_owned(),
        of => of.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("{many}{of} {} = {}", field.name(), field.number())
}

/// Every call of the services, as service and method.
fn methods() -> Vec<(String, String)> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let services = set.file.into_iter().flat_map(|file| file.service);
    services
        .flat_map(|service| {
            let name = service.name().to_owned();
            service
                .method
                .into_iter()
                .map(move |method| (name.clone(), method.name().to_owned()))
        })
        .collect()
}

fn named_in_readme() -> BTreeSet<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme
        .split_once("## Not served yet")
        .expect("a section `Not served yet`");
    let section = section
        .split_once("\n## ")
        .map_or(section, |(section, _)| section);
    let lines = section
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    lines.map(str::to_owned).collect()
}

/// Whom a desk's call is for; of the other services, an empty message is enough.
#[derive(Clone, PartialEq, prost::Message)]
struct ForAgency {
    #[prost(string, tag = "1")]
    agency_code: String,
}

impl Caller {
    /// Calls with as good as nothing, and says whether the call begins.
    async fn call_with_nothing(&self, service: &str, method: &str) -> Result<(), Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel());
        grpc.ready().await.unwrap();
        let path = format!("/lienthong.v1.{service}/{method}").parse().unwrap();
        let codec = tonic_prost::ProstCodec::<ForAgency, ()>::new();
        let agency_code = if service == "DeskService" {
            "H99.01.01"
        } else {
            ""
        }
        .to_owned();
        let messages = tonic::Request::new(tokio_stream::iter([ForAgency { agency_code }]));
        grpc.streaming::<_, ForAgency, (), _>(messages, path, codec)
            .await
            .map(drop)
    }
}
