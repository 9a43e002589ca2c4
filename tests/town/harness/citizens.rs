//! The citizens and the officers at the desks: dossiers go into the desks' spools, and whatever the
//! desks' own stores say is to be done is done, as an officer would, through the spools again.

use super::province::{COUNTERS, Counter, Province};
use contract::v1::{self, notice::Kind};
use desk::worklist::{Entry, Todo, Worklist};
use prost::Message as _;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// After so long an officer does again what the worklist still says.
const AGAIN: Duration = Duration::from_secs(15);

/// The dossiers that citizens bring: the folder of the sample, and its papers.
const SAMPLES: [(&str, &[(&str, &str)]); 4] = [
    (
        "birth/1-straight",
        &[("birth_notice", "giay-chung-sinh.pdf")],
    ),
    (
        "birth/2-corrected",
        &[("birth_notice", "giay-chung-sinh.pdf")],
    ),
    ("birth/3-interrupted", &[]),
    (
        "land/1-transfer",
        &[
            ("old_certificate", "giay-chung-nhan-da-cap.pdf"),
            ("contract", "hop-dong-chuyen-nhuong.pdf"),
        ],
    ),
];

/// See the module.
pub(super) struct Citizens {
    pub(super) fronts: Vec<Front>,
}

/// One desk as its citizens and its officer see it.
pub(super) struct Front {
    pub(super) counter: Counter,
    spool: PathBuf,
    store: PathBuf,
    worklist: Worklist,
    /// How far the desk's notices were read.
    heard: i64,
    /// What the officer did, and when.
    acted: BTreeMap<String, (Instant, u32)>,
    /// The keys of what was brought.
    pub(super) brought: BTreeSet<String>,
    /// The code that the desk gave for each, as soon as the broker had acknowledged it.
    pub(super) codes: BTreeMap<String, String>,
    /// Codes of dossiers of which the desk was told that they are closed.
    pub(super) closed: BTreeSet<String>,
    /// What went wrong and must not: a code that changed, a dossier that was refused.
    pub(super) complaints: Vec<String>,
}

impl Citizens {
    pub(super) fn new(province: &Province) -> Self {
        let front = |counter: &Counter| Front {
            counter: *counter,
            spool: province.path(format!("{}-spool", counter.name)),
            store: province.path(counter.name),
            worklist: Worklist::new(counter.agency),
            heard: 0,
            acted: BTreeMap::new(),
            brought: BTreeSet::new(),
            codes: BTreeMap::new(),
            closed: BTreeSet::new(),
            complaints: Vec::new(),
        };
        Self {
            fronts: COUNTERS.iter().map(front).collect(),
        }
    }

    /// Dossiers that were brought and are not closed.
    pub(super) fn open(&self) -> usize {
        self.fronts.iter().map(Front::open).sum()
    }

    pub(super) fn brought(&self) -> usize {
        self.fronts.iter().map(|front| front.brought.len()).sum()
    }

    /// Brings one more dossier to the desk whose turn it is.
    pub(super) fn bring(&mut self, kind: usize) {
        let number = self.brought();
        let desks = self.fronts.len();
        self.fronts[number % desks].bring(number, kind % SAMPLES.len());
    }

    /// Reads what the desks wrote down, and does what is to be done.
    pub(super) fn look(&mut self) {
        for front in &mut self.fronts {
            front.look();
        }
    }
}

impl Front {
    fn open(&self) -> usize {
        let is_closed = |key: &&String| {
            let code = self.codes.get(*key);
            code.is_some_and(|code| self.closed.contains(code))
        };
        self.brought.len() - self.brought.iter().filter(is_closed).count()
    }

    fn bring(&mut self, number: usize, kind: usize) {
        let (sample, papers) = SAMPLES[kind];
        let key = format!("{}-{number}", sample.replace('/', "-"));
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("deploy/samples")
            .join(sample);
        let text = fs::read_to_string(from.join("dossier.json")).unwrap();
        let mut form: Value = serde_json::from_str(&text).unwrap();
        // Every third is filed, and received by the officer afterwards.
        if number % 3 == 2 {
            form["file_only"] = json!(true);
        }
        let folder = self.place(&key, &key);
        for (evidence, paper) in papers {
            let mut bytes = fs::read(from.join(paper)).unwrap();
            bytes.extend(format!("\n% {key}\n").into_bytes());
            fs::write(folder.join(paper), bytes).unwrap();
            form["evidence"][evidence]["documents"] = json!([paper]);
        }
        put(&folder, "dossier.json", &form);
        self.brought.insert(key);
    }

    fn place(&self, name: &str, key: &str) -> PathBuf {
        let folder = self.spool.join("incoming").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(".submit-key"), key).unwrap();
        folder
    }

    fn look(&mut self) {
        self.read_receipts();
        self.read_refusals();
        for notice in self.new_notices() {
            if let Some(Kind::Closed(_)) = notice.kind {
                self.closed.insert(notice.dossier_code.clone());
            }
            self.worklist.hear(&notice);
        }
        let entries: Vec<Entry> = self.worklist.entries().into_iter().cloned().collect();
        for entry in entries {
            self.work(&entry);
        }
    }

    fn read_receipts(&mut self) {
        let Ok(sent) = fs::read_dir(self.spool.join("sent")) else {
            return;
        };
        for folder in sent.flatten() {
            let name = folder.file_name().to_string_lossy().into_owned();
            if name.starts_with("act-") || self.codes.values().any(|code| *code == name) {
                continue;
            }
            let Ok(text) = fs::read(folder.path().join("receipt.json")) else {
                continue;
            };
            let receipt: Value = serde_json::from_slice(&text).unwrap_or_default();
            let (Some(key), Some(code)) = (
                receipt["submit_key"].as_str(),
                receipt["dossier_code"].as_str(),
            ) else {
                continue;
            };
            let before = self.codes.insert(key.to_owned(), code.to_owned());
            if before.is_some_and(|before| before != code) {
                self.complaints
                    .push(format!("{key} got a second code: {code}"));
            }
        }
    }

    fn read_refusals(&mut self) {
        let Ok(refused) = fs::read_dir(self.spool.join("refused")) else {
            return;
        };
        for folder in refused.flatten() {
            let name = folder.file_name().to_string_lossy().into_owned();
            if name.starts_with("act-") {
                continue;
            }
            let why = fs::read_to_string(folder.path().join("error.txt")).unwrap_or_default();
            let complaint = format!("{name} was refused: {}", why.trim());
            if !self.complaints.contains(&complaint) {
                self.complaints.push(complaint);
            }
        }
    }

    /// What the desk has written down of notices since the last look.
    fn new_notices(&mut self) -> Vec<v1::Notice> {
        let read = |after: i64| -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
            let store = reading(&self.store.join("desk.db"))?;
            let mut rows = store
                .prepare("SELECT sequence, bytes FROM notice WHERE sequence > ?1 ORDER BY 1")?;
            rows.query_map([after], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        // A desk that is down this moment is read at the next look.
        let rows = read(self.heard).unwrap_or_default();
        self.heard = rows.last().map_or(self.heard, |(last, _)| *last);
        let notices = rows
            .iter()
            .map(|(_, bytes)| v1::Notice::decode(bytes.as_slice()).unwrap());
        notices.collect()
    }

    fn work(&mut self, entry: &Entry) {
        let Some((what, act)) = deed(&entry.todo) else {
            return;
        };
        let done = format!("act-{}-{what}", entry.dossier_code);
        let (at, times) = self.acted.get(&done).copied().unzip();
        if at.is_some_and(|at| at.elapsed() < AGAIN) {
            return;
        }
        let times = times.unwrap_or(0) + 1;
        let id = if times == 1 {
            done.clone()
        } else {
            format!("{done}-{times}")
        };
        self.acted.insert(done, (Instant::now(), times));
        let form = json!({
            "dossier": entry.dossier_code,
            "officer": { "name": "Phan Thị Mẫu", "title": "Công chức một cửa", "office": "Quầy số 1" },
            "act": act,
        });
        let folder = self.place(&id, &id);
        put(&folder, "act.json", &form);
    }
}

/// What an officer does of what is to be done, and its name.
fn deed(todo: &Todo) -> Option<(String, Value)> {
    Some(match todo {
        Todo::Receive => ("receive".into(), json!({ "receive": {} })),
        // These two are done by the payment and by handing out.
        Todo::CompleteStep { step_id } if step_id != "pay" && step_id != "deliver" => (
            format!("step-{step_id}"),
            json!({ "complete_step": { "step": step_id } }),
        ),
        Todo::CollectPayment {
            obligation_id,
            amount_vnd,
            ..
        } => (
            format!("pay-{obligation_id}"),
            json!({ "confirm_payment": {
                "obligation": obligation_id,
                "amount_vnd": amount_vnd,
                "reference": format!("HARNESS-{obligation_id}"),
            } }),
        ),
        Todo::HandOut { evidence, version } => (
            format!("hand-out-{evidence}-{version}"),
            json!({ "hand_out": { "result": evidence, "version": version } }),
        ),
        _ => return None,
    })
}

/// The desk looks only at folders that have a form, so the form comes last.
fn put(folder: &Path, name: &str, form: &Value) {
    let part = folder.join("form.part");
    fs::write(&part, form.to_string()).unwrap();
    fs::rename(part, folder.join(name)).unwrap();
}

/// A store that somebody else may be writing.
pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    store.busy_timeout(Duration::from_secs(5))?;
    Ok(store)
}
