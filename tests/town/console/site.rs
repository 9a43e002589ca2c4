//! The console of a test's town: its certificate, its configuration, and the thread that it runs in.

use super::{browser::Browser, stranger::Stranger, tab::Tab};
use crate::town::{
    Town, broker_identity,
    ground::{Port, TRUST_DOMAIN},
    party::Party,
    patience::until,
};
use node::{identity::Role, pki::Validity};
use tokio::net::TcpListener;

/// A console.
pub(super) struct Site {
    pub(super) origin: String,
    pub(super) port: Port,
    authority_pem: String,
    party: Option<Party>,
}

/// The operator of this code.
pub(super) fn operator(code: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/operator/{code}")
}

impl Site {
    /// Opens a console that anybody on this machine may enter as this operator.
    pub(super) async fn open_for(town: &Town, code: &str) -> Self {
        let login = format!("local_operator = \"{}\"", operator(code));
        Self::open(town, &login).await
    }

    /// Opens a console with these lines on how to log in.
    pub(super) async fn open(town: &Town, login: &str) -> Self {
        Self::open_at(town, Port::pick(), login).await
    }

    /// As [`open`](Self::open), at a port that was picked.
    pub(super) async fn open_at(town: &Town, port: Port, login: &str) -> Self {
        let hosts = ["localhost".to_owned()];
        let issued =
            town.ground
                .issue_for_hosts(Role::Operator, "console", &hosts, Validity::days(2));
        if !town.path("pki/console.pem").exists() {
            issued.save(&town.path("pki"), "console").unwrap();
        }
        let (address, broker) = (port.address, town.address("broker"));
        let config = format!(
            r#"
            state = "console"
            [web]
            listen = "{address}"
            certificate = "pki/console.pem"
            key = "pki/console.key"
            [login]
            {login}
            [broker]
            address = "{broker}"
            identity = "{identity}"
            [credentials]
            ca = "pki/ca.pem"
            certificate = "pki/console.pem"
            key = "pki/console.key"
            denied = "denied.txt"
            [times]
            telling_ms_min = 100
            call_ms_max = 20000
            drain_s_max = 1
            "#,
            identity = broker_identity(),
        );
        town.ground.write("console.toml", &config);
        let mut site = Self {
            origin: format!("https://localhost:{}", address.port()),
            port,
            authority_pem: town.ground.authority_pem().to_owned(),
            party: None,
        };
        site.start(town).await;
        site
    }

    /// Starts it again after it was stopped.
    pub(super) async fn start(&mut self, town: &Town) {
        let (path, address) = (town.path("console.toml"), self.port.address);
        let log = town.log("console");
        let party = Party::in_thread("console", &log, move |shutdown| {
            Box::pin(async move {
                let config = console::Config::load(&path).map_err(|error| error.to_string())?;
                let listener = TcpListener::bind(address)
                    .await
                    .map_err(|error| error.to_string())?;
                console::serve(config, listener, shutdown)
                    .await
                    .map_err(|error| error.to_string())
            })
        });
        self.party = Some(party);
        let stranger = self.stranger();
        until("the console to serve", || async {
            stranger.reaches().await.then_some(())
        })
        .await;
    }

    /// Stops it.
    pub(super) async fn stop(&mut self) {
        self.party.take().expect("the console runs").stop().await;
    }

    /// Somebody who speaks with it by hand, without a certificate.
    pub(super) fn stranger(&self) -> Stranger {
        Stranger::new(self.port.address, &self.authority_pem, None)
    }

    /// As [`stranger`](Self::stranger), showing this certificate and key.
    pub(super) fn stranger_with(&self, certificate: &str, key: &str) -> Stranger {
        Stranger::new(
            self.port.address,
            &self.authority_pem,
            Some((certificate, key)),
        )
    }

    /// A tab on it, not logged in.
    pub(super) async fn tab(&self, browser: &Browser) -> Tab {
        Tab::open(browser, &self.origin).await
    }

    /// A tab on it that entered as the local operator, in English, on page one.
    pub(super) async fn entered(&self, browser: &Browser) -> Tab {
        let tab = self.tab(browser).await;
        tab.go("/?language=en").await;
        tab.follow("form[action='/login/local'] button", "/").await;
        tab.sees("Needs attention").await;
        tab.hears().await;
        tab
    }
}
