//! The contract: what `proto/` says, as Rust types, clients and servers.
//!
//! Generated code only; wire becomes domain in one `wire` module of each service.

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
mod generated {
    pub mod lienthong {
        pub mod v1 {
            tonic::include_proto!("lienthong.v1");
        }
        pub mod record {
            pub mod v1 {
                tonic::include_proto!("lienthong.record.v1");
            }
        }
    }
    pub mod google {
        pub mod r#type {
            tonic::include_proto!("google.r#type");
        }
    }
}

/// The standard civil date, `google.type.Date`.
pub use generated::google::r#type::Date;
/// What the broker writes down, apart from the wire's messages.
pub use generated::lienthong::record;
/// The calls and messages between desks, departments, operators and the broker.
pub use generated::lienthong::v1;

/// `FileDescriptorSet` of everything in `proto/`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lienthong.binpb"));
