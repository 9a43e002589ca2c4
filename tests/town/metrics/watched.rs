//! A town that is watched: its services serve their metrics, and one dossier has gone all its way.

use super::page::Page;
use crate::town::{Town, broker_identity, ground::BROKER, party::Party, patience::until};
use node::{identity::Role, pki::Validity};
use std::{fs, net::SocketAddr, path::Path};

pub(super) const DESK: &str = "desk";
const PAPER: &str = "giay-chung-sinh.pdf";
const SERVED_ANYWHERE: &str = "[metrics]\nlisten = \"127.0.0.1:0\"";

/// See the module.
pub(crate) struct Watched {
    pub(crate) town: Town,
    _desk: Party,
    pub(super) code: String,
}

impl Watched {
    pub(crate) async fn open() -> Self {
        let town = Town::plan()
            .broker(SERVED_ANYWHERE)
            .office(SERVED_ANYWHERE)
            .in_processes()
            .open()
            .await;
        let desk = town.open_desk(SERVED_ANYWHERE);
        let sent = town.path("spool/sent");
        let code = until("the sample to be sent", || async {
            let entry = fs::read_dir(&sent).ok()?.next()?.ok()?;
            Some(entry.file_name().into_string().unwrap())
        })
        .await;
        let watched = Self {
            town,
            _desk: desk,
            code,
        };
        until("the dossier to close at the desk", || async {
            let page = watched.scrape(DESK).await;
            let closed = page.value("lienthong_desk_submits", &[("state", "closed")]);
            (closed == Some(1.0)).then_some(())
        })
        .await;
        watched
    }

    /// Lets a department be unreachable and the ledger refuse something, so that there is a row of each.
    pub(super) async fn has_trouble(&mut self) {
        self.town.kill("social-insurance").await;
        self.town.desk().submit("birth").await;
        self.town.incident("DEPARTMENT_UNREACHABLE").await;
        let (mut request, scan) = self.town.desk().prepare().await;
        self.town.desk().upload(&scan).await;
        request.procedure_code = "nobody-has-this".into();
        let refused = self.town.desk().send(request).await;
        assert!(refused.is_err());
        // A page may be given again for a second.
        let incident = [("cause", "DEPARTMENT_UNREACHABLE")];
        until("the incident to be told", || async {
            let page = self.scrape(BROKER).await;
            let open = page.value("lienthong_incidents_open", &incident);
            (open == Some(1.0)).then_some(())
        })
        .await;
    }

    pub(crate) async fn scrape(&self, name: &str) -> Page {
        Page::read(self.address(name).await).await
    }

    /// Where a service serves its metrics.
    pub(crate) async fn address(&self, name: &str) -> SocketAddr {
        self.town.metrics_address(name).await
    }
}

impl Town {
    /// Runs the first commune's desk as a process, with the sample in its folder and these settings more.
    pub(crate) fn open_desk(&self, settings: &str) -> Party {
        let issued = self
            .ground
            .issue(Role::Desk, "desk-mau-mot", Validity::days(1));
        issued.save(&self.path("pki"), DESK).unwrap();
        let (broker, identity) = (self.address(BROKER), broker_identity());
        let config = format!(
            r#"
            agency_code = "H99.01.01"
            store = "desk"
            spool = "spool"
            [broker]
            address = "{broker}"
            identity = "{identity}"
            [credentials]
            ca = "pki/ca.pem"
            certificate = "pki/desk.pem"
            key = "pki/desk.key"
            [times]
            spool_ms = 10
            check_ms = 200
            {settings}
            "#
        );
        self.ground.write("desk.toml", &config);
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/samples/birth/1-straight");
        let form = fs::read_to_string(sample.join("dossier.json")).unwrap();
        let mut form: serde_json::Value = serde_json::from_str(&form).unwrap();
        form["evidence"]["birth_notice"]["documents"] = serde_json::json!([PAPER]);
        let incoming = self.path("spool/incoming/one");
        fs::create_dir_all(&incoming).unwrap();
        fs::copy(sample.join(PAPER), incoming.join(PAPER)).unwrap();
        self.ground
            .write("spool/incoming/one/dossier.json", &form.to_string());
        Party::in_process(DESK, DESK, &self.path("desk.toml"), &self.log(DESK))
    }

    /// The value of a metric that a service serves now.
    pub(crate) async fn metric(
        &self,
        service: &str,
        metric: &str,
        labels: &[(&str, &str)],
    ) -> Option<f64> {
        let page = Page::read(self.metrics_address(service).await).await;
        page.value(metric, labels)
    }

    /// Where a service of the town serves its metrics, as its log says.
    async fn metrics_address(&self, name: &str) -> SocketAddr {
        let log = self.log(name);
        until(&format!("the {name} to serve its metrics"), || async {
            let line = log.lines_with("metrics are served").pop()?;
            let (_, address) = line.split_once("address=")?;
            address.split_whitespace().next()?.parse().ok()
        })
        .await
    }
}
