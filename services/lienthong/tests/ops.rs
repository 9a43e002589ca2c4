//! An operator at the command line: the binary itself, against the town of a demo that stays up.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at what nobody announces.
const LOOK: Duration = Duration::from_millis(50);
/// Demos that are begun before it is given up.
const TRIES: usize = 3;
/// Lines that wait to be looked at.
const LINES_MAX: usize = 64;
const POLICE: &str = "G01.99.01";

/// A demo that stays up until it is dropped.
struct Town {
    demo: Child,
    folder: PathBuf,
    _ground: TempDir,
}

impl Town {
    /// A busy machine may not do a demo in its time, which is not what is looked at here.
    fn open() -> Self {
        let mut tries = std::iter::repeat_with(Self::try_open).take(TRIES);
        tries.find_map(|town| town).expect("a demo that stays up")
    }

    fn try_open() -> Option<Self> {
        let ground = TempDir::new().unwrap();
        let folder = ground.path().join("town");
        let demo = Command::new(env!("CARGO_BIN_EXE_lienthong"))
            .args(["demo", "--keep", "--dir"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut town = Self {
            demo,
            folder,
            _ground: ground,
        };
        let mut lines = BufReader::new(town.demo.stdout.take().unwrap()).lines();
        let is_up = lines.any(|line| line.unwrap().contains("ops incidents"));
        is_up.then_some(town)
    }

    fn lienthong(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lienthong"));
        command
            .args(words.split_whitespace())
            .env(
                "LIENTHONG_OPERATOR_CONFIG",
                self.folder.join("operator.toml"),
            )
            .stdin(Stdio::null());
        command
    }

    /// What an operator's command answers, in JSON; it must be fine.
    fn ops(&self, words: &str) -> Value {
        let ended = self
            .lienthong(&format!("ops {words} --json"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{words}: {told}");
        serde_json::from_slice(&ended.stdout).unwrap()
    }

    /// How an operator's command ends, and what it says.
    fn ends(&self, words: &str) -> (i32, String) {
        said(&self.lienthong(&format!("ops {words}")).output().unwrap())
    }

    /// Submits one more dossier.
    fn submit(&self) {
        let lies = self.folder.join("dossiers/1-straight");
        let form = lies.join("dossier.json").display().to_string();
        let paper = lies.join("giay-chung-sinh.pdf").display().to_string();
        let desk = self.folder.join("desk.toml").display().to_string();
        let words =
            format!("dossier submit --file {form} --attach birth_notice={paper} --config {desk}");
        let ended = self.lienthong(&words).output().unwrap();
        assert!(ended.status.success(), "{}", said(&ended).1);
    }

    /// The open dossiers, once there are so many.
    fn open_dossiers(&self, wanted: usize) -> Vec<Value> {
        until(&format!("{wanted} open dossiers"), || {
            let ended = self
                .lienthong("ops dossiers --open --json")
                .output()
                .unwrap();
            let found: Value = serde_json::from_slice(&ended.stdout).unwrap();
            let dossiers = found["dossiers"].as_array().unwrap().clone();
            let code = if wanted == 0 { 3 } else { 0 };
            (dossiers.len() == wanted && ended.status.code() == Some(code)).then_some(dossiers)
        })
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        // Whoever the demo started ends with it.
        let _ = self.demo.kill();
        let _ = self.demo.wait();
    }
}

/// A command that goes on; it ends with the test, however that ends.
struct Going(Child);

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn said(ended: &Output) -> (i32, String) {
    let text = [&ended.stdout[..], &ended.stderr].concat();
    (
        ended.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// Lines as they come, so that one that does not come is not waited for for ever.
fn lines_of(output: ChildStdout) -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::sync_channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Ctrl-C.
fn interrupt(child: &mut Child) -> Option<i32> {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    child.wait().unwrap().code()
}

fn department(town: &Town, agency: &str) -> Value {
    let listed = town.ops("departments");
    let departments = listed["departments"].as_array().unwrap();
    departments
        .iter()
        .find(|one| one["agency_code"] == agency)
        .unwrap()
        .clone()
}

#[test]
fn an_operator_suspends_extends_and_resumes_and_a_script_learns_what_came_of_each() {
    let town = Town::open();
    let who = town.ops("whoami");
    assert_eq!(
        who["operator"],
        "spiffe://demo.lienthong.example/operator/operator"
    );
    assert_eq!(who["grants"].as_array().unwrap().len(), 3);
    assert_eq!(department(&town, POLICE)["is_reachable"], true);
    assert_eq!(town.ops("overview")["today"]["closed"], 3);

    // Whoever watches a list sees it change.
    let watching = town
        .lienthong("ops dossiers --open --watch --json")
        .stdout(Stdio::piped())
        .spawn();
    let mut watching = Going(watching.unwrap());
    let shown = lines_of(watching.0.stdout.take().unwrap());
    let next = || -> Value {
        let line = shown
            .recv_timeout(PATIENCE)
            .expect("the list is shown again");
        serde_json::from_str(&line).unwrap()
    };
    assert_eq!(next()["dossiers"].as_array().unwrap().len(), 0);

    town.ops(&format!("suspend department {POLICE} --reason moving"));
    assert_eq!(department(&town, POLICE)["suspended"], true);
    town.submit();
    let dossiers = town.open_dossiers(1);
    let code = dossiers[0]["dossier_code"].as_str().unwrap().to_owned();
    assert_eq!(next()["dossiers"][0]["dossier_code"], code.as_str());
    until("the residence to be due", || {
        let shown = town.ops(&format!("dossier {code}"));
        let steps = shown["dossier"]["steps"].as_array().unwrap().clone();
        let residence = steps
            .iter()
            .find(|one| one["step_id"] == "register_residence");
        (residence.unwrap()["state"] == "due").then_some(())
    });

    let extend = format!("extend-step {code} register_residence --days 2 --reason flood");
    let extended = town.ops(&extend);
    assert!(
        extended["promised_at"].as_str().unwrap() > dossiers[0]["promised_at"].as_str().unwrap()
    );
    let (ended, told) = town.ends(&extend);
    assert!(ended == 1 && told.contains("EXTENSION_TWICE"), "{told}");
    let (ended, told) = town.ends(&format!("retry {POLICE} --reason mended"));
    assert!(
        ended == 1 && told.contains("DEPARTMENT_SUSPENDED"),
        "{told}"
    );
    let (ended, told) = town.ends(&format!("release {code} --reason restored"));
    assert!(ended == 1 && told.contains("NOT_QUARANTINED"), "{told}");

    town.ops(&format!("resume department {POLICE} --reason moved"));
    town.open_dossiers(0);
    assert_eq!(interrupt(&mut watching.0), Some(0));
    let audit = town.ops("audit");
    let calls = audit["entries"].as_array().unwrap().iter();
    let calls: Vec<_> = calls.map(|one| one["call"].as_str().unwrap()).collect();
    assert_eq!(
        calls,
        ["SuspendDepartment", "ExtendStep", "SuspendDepartment"]
    );
    let of_it = town.ops(&format!("audit --dossier {code}"));
    assert_eq!(of_it["entries"].as_array().unwrap().len(), 1);
    let verified = town.ops("audit --verify");
    assert_eq!(verified["verified"], 3);
    let hash = audit["entries"][0]["hash"].as_str().unwrap();
    assert_eq!(verified["last"], json!({ "number": 3, "hash": hash }));
    town.ops(&format!("audit --verify --noted 3:{hash}"));
    for (number, where_) in [(2, "entry 2 has the hash"), (4, "the log has 3 entries")] {
        let (ended, told) = town.ends(&format!("audit --verify --noted {number}:{hash}"));
        assert!(ended == 1 && told.contains(where_), "{told}");
    }

    // What there is nothing of, what nobody may, and a broker that is not there.
    for (words, code) in [
        ("dossier H99.01.01-20261122-9999999", 3),
        ("dossiers --stuck", 3),
        ("person Nobody --reason asked", 3),
        ("redrive --cause HANDOVER_REFUSED --all --reason x", 3),
        ("release H99.01.01-20261122-9999999 --reason x", 3),
        ("retry X99 --reason x", 3),
        ("incidents", 0),
        ("procedures", 0),
        ("statistics", 0),
        ("statistics --from 1/11/2026", 1),
        ("redrive 999 --reason x", 1),
        ("retry G01.99.01", 1),
        ("top", 1),
        ("redrive --cause HANDOVER_REFUSED --reason x", 2),
        ("extend-step", 2),
        ("audit --verify --by duty", 2),
    ] {
        let (ended, told) = town.ends(words);
        assert_eq!(ended, code, "{words}: {told}");
    }
    let pki = town.folder.join("pki");
    issue(&town, &pki);
    let observes = |words: &str| {
        let mut command = town.lienthong(&format!("ops {words}"));
        for (key, file) in [("CERTIFICATE", "observer.pem"), ("KEY", "observer.key")] {
            let name = format!("LIENTHONG_OPERATOR__CREDENTIALS__{key}");
            command.env(name, pki.join(file));
        }
        said(&command.output().unwrap())
    };
    assert_eq!(observes("dossiers").0, 0);
    let (ended, told) = observes("suspend procedure birth --reason x");
    assert!(ended == 4 && told.contains("NOT_GRANTED"), "{told}");
    let mut away = town.lienthong("ops overview");
    away.env("LIENTHONG_OPERATOR__BROKER__ADDRESS", "127.0.0.1:1");
    let (ended, told) = said(&away.output().unwrap());
    assert_eq!(ended, 5, "{told}");
}

fn issue(town: &Town, pki: &Path) {
    let words = format!("pki issue operator observer --ca {}", pki.display());
    let ended = town.lienthong(&words).output().unwrap();
    assert!(ended.status.success(), "{}", said(&ended).1);
}
