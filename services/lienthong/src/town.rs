//! What a throwaway town on this machine is founded with: its folder and authority, ports that the
//! system picks, child processes that end with it, and services that say when they serve.

mod port;
mod process;
mod service;
mod site;

pub(crate) use self::{port::Port, process::Process, service::Service, site::Site};
