//! A department in another language: Python, from the `.proto` files alone.

use crate::town::{Town, birth::RESULTS};
use contract::v1::StepState;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The Python that has grpcio and grpcio-tools; `./test` makes one.
const PYTHON: &str = "TOWN_PYTHON";

/// The commune police as a Python process.
struct Office {
    python: PathBuf,
    folder: PathBuf,
    running: Option<Child>,
}

#[tokio::test]
#[ignore = "needs Python with grpcio: ./test brings it"]
async fn a_department_in_python_does_its_part_is_killed_and_comes_back() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = Office::furnish(&town);

    police.open();
    let first = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&first).await, RESULTS);
    let notice = town.desk().result(&first, "residence_notice").await;
    let paper = town.desk().download(&notice.documents[0]).await.unwrap();
    assert!(String::from_utf8(paper).unwrap().contains(&first.code));
    let certificate = town.desk().result(&first, "birth_certificate").await;
    let name: String = certificate.documents[0]
        .digest
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert!(
        police.folder.join("documents").join(name).exists(),
        "it downloaded what it needs"
    );

    // Killed with a handover in its folder whose report the broker has not recorded.
    police.kill();
    let second = town.desk().submit("birth").await;
    town.desk()
        .sees(&second, "register_residence", StepState::Due)
        .await;
    police.open_to_take_and_not_answer();
    town.desk()
        .sees(&second, "register_residence", StepState::Held)
        .await;
    police.kill();
    police.open();
    assert_eq!(town.desk().results(&second).await, RESULTS);
    let notice = town.desk().result(&second, "residence_notice").await;
    assert_eq!(notice.version, 1);
}

impl Office {
    /// Generates the code and writes the configuration, into the town's folder.
    fn furnish(town: &Town) -> Self {
        let python = std::env::var_os(PYTHON)
            .unwrap_or_else(|| panic!("set {PYTHON} to a Python with grpcio-tools, or run ./test"));
        let folder = town.path("python");
        let generated = folder.join("generated");
        fs::create_dir_all(&generated).unwrap();
        let proto = root().join("proto");
        let mut files = Vec::new();
        for folder in ["lienthong/v1", "google/rpc", "google/type"] {
            let entries = fs::read_dir(proto.join(folder)).unwrap();
            files.extend(entries.map(|entry| entry.unwrap().path()));
        }
        let done = Command::new(&python)
            .args(["-m", "grpc_tools.protoc", "--proto_path"])
            .arg(&proto)
            .args(["--python_out=.", "--grpc_python_out=."])
            .args(files)
            .current_dir(&generated)
            .status();
        assert!(
            done.expect("Python runs").success(),
            "the code is generated"
        );
        let pki = |name: &str| town.path("pki").join(name);
        let config = json!({
            "agency_code": "G01.99.01",
            "folder": folder.join("store"),
            "listen": town.address("police").to_string(),
            "broker_address": town.address("broker").to_string(),
            "broker_name": crate::town::broker_identity().dns_name(),
            "ca": town.ground.authority_file(),
            "certificate": pki("police.pem"),
            "key": pki("police.key"),
        });
        fs::write(folder.join("config.json"), config.to_string()).unwrap();
        Self {
            python: python.into(),
            folder: folder.join("store"),
            running: None,
        }
    }

    /// Starts it.
    fn open(&mut self) {
        self.start(&[]);
    }

    /// Starts it so that it takes handovers, and its reports go nowhere.
    fn open_to_take_and_not_answer(&mut self) {
        self.start(&["--silent"]);
    }

    fn start(&mut self, arguments: &[&str]) {
        let home = self.folder.parent().unwrap();
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(home.join("log"))
            .unwrap();
        let child = Command::new(&self.python)
            .arg(root().join("tests/python/department.py"))
            .arg(home.join("config.json"))
            .args(arguments)
            .env("PYTHONPATH", home.join("generated"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running = Some(child);
    }

    /// Ends it with SIGKILL.
    fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.with_file_name("log"));
            eprintln!(
                "——— the department in Python ———\n{}",
                log.unwrap_or_default()
            );
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
