//! The configurations of a town, as files that its services read like any other: short waits, and
//! what a test sets besides.

use super::ground::{BROKER, Post, TRUST_DOMAIN};
use std::net::SocketAddr;

/// The broker's.
pub(crate) fn broker(listen: &str, more: &str) -> String {
    let own = format!(
        r#"
        listen = "{listen}"
        store = "broker"
        procedures = "procedures"
        calendars = "calendars"
        schemas = "schemas"
        directory = "directory.toml"
        [credentials]
        ca = "pki/ca.pem"
        certificate = "pki/broker.pem"
        key = "pki/broker.key"
        denied = "denied.txt"
        [courier]
        back_off_ms_min = 5
        back_off_ms_max = 100
        failures_until_incident = 3
        [limits]
        drain_s_max = 5
        # A test waits for the thing and never for a time: a busy machine is no reason to refuse.
        ledger_wait_ms_max = 60000
        [documents]
        disk_reserve_bytes = 0
        "#
    );
    merged(&own, more)
}

/// A department's.
pub(crate) fn office(post: &Post, listen: SocketAddr, broker: SocketAddr, more: &str) -> String {
    let Post { name, agency, .. } = post;
    let own = format!(
        r#"
        agency_code = "{agency}"
        store = "{name}"
        listen = "{listen}"
        script = "scripts/{name}.toml"
        [credentials]
        ca = "pki/ca.pem"
        certificate = "pki/{name}.pem"
        key = "pki/{name}.key"
        denied = "denied.txt"
        [broker]
        address = "{broker}"
        identity = "spiffe://{TRUST_DOMAIN}/broker/{BROKER}"
        [times]
        drain_s_max = 5
        back_off_ms_min = 5
        back_off_ms_max = 100
        reconcile_ms = 200
        later_ms = 20
        probe_ms = 20
        "#
    );
    merged(&own, more)
}

fn merged(own: &str, more: &str) -> String {
    let mut own: toml::Table = toml::from_str(own).unwrap();
    let more: toml::Table = toml::from_str(more).unwrap();
    merge(&mut own, more);
    own.to_string()
}

fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(into)), toml::Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
