//! A service of the town in a process of its own: this test binary again, with one test that is
//! the service.

use crate::town::{
    log::directives,
    party::{CHILD_CONFIG, CHILD_RESTORED, CHILD_ROLE},
};
use department::scripted::{Script, Scripted};
use node::{shutdown::Shutdown, telemetry::Format};
use std::{
    env,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;

/// Does nothing unless a town has started it as a service.
#[test]
fn a_service_in_a_process_of_its_own() {
    let (Ok(role), Some(config)) = (env::var(CHILD_ROLE), env::var_os(CHILD_CONFIG)) else {
        return;
    };
    end_with_the_town();
    // As the shipped process does it: what a log does that takes nothing is a part of what is tested.
    let _written = node::telemetry::init(&role, Format::Text, &directives()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals().unwrap();
        serve(&role, &PathBuf::from(config), shutdown).await;
    });
}

async fn serve(role: &str, config: &Path, shutdown: Shutdown) {
    match role {
        "department" => {
            let config = department::Config::load(config).unwrap();
            let script = Script::load(config.script.as_ref().unwrap()).unwrap();
            let listener = TcpListener::bind(config.listen).await.unwrap();
            let handler = Arc::new(Scripted::new(script));
            department::run(config, listener, shutdown, handler)
                .await
                .unwrap();
        }
        "desk" => {
            let config = desk::Config::load(config).unwrap();
            desk::run(config, shutdown).await.unwrap();
        }
        _ => {
            let config = broker::Config::load(config).unwrap();
            let restored = env::var_os(CHILD_RESTORED).is_some();
            broker::run(config, restored, shutdown).await.unwrap();
        }
    }
}

/// The town holds the other end of our input: when it is gone, so are we.
fn end_with_the_town() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}
