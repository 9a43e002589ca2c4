//! A real provider of OpenID Connect, in Node, for as long as a test lives.

use super::browser::brought;
use crate::town::{ground::Port, patience::patiently};
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// The secret of the console's registration.
pub(super) const SECRET: &str = "a-secret-of-the-tests-alone-0123456789";

/// The provider.
pub(super) struct Provider {
    pub(super) issuer: String,
    _child: Child,
    _port: Port,
}

impl Provider {
    /// Starts it, with the console of this origin registered.
    pub(super) async fn open(origin: &str) -> Self {
        let port = Port::pick();
        let number = port.address.port().to_string();
        let folder = brought("TOWN_WEB");
        // Node finds packages from where the script lies.
        let script = folder.join("provider.mjs");
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/provider.mjs");
        std::fs::copy(ours, &script).unwrap();
        let mut child = Command::new("node")
            .arg(script)
            .args([&number, &format!("{origin}/login/oidc/callback"), SECRET])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line == "ready" {
                    return;
                }
            }
            panic!("the provider ended");
        };
        patiently("the provider to listen", ready).await;
        // What it says later is of no interest, and must not fill a pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            issuer: format!("http://127.0.0.1:{number}"),
            _child: child,
            _port: port,
        }
    }
}
