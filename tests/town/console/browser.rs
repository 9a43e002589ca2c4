//! A headless Chromium, spoken with over the pipe of its DevTools protocol.

use crate::town::patience::patiently;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::oneshot,
};

/// The browser; `./test` brings Debian's.
const CHROMIUM: &str = "TOWN_CHROMIUM";
/// The folder with `node_modules`; `./test` fills it.
const WEB: &str = "TOWN_WEB";

/// What the browser answers of a page that is left before it can.
const LEFT: [&str; 3] = [
    "Inspected target navigated or closed",
    "Execution context was destroyed",
    "Cannot find context with specified id",
];

/// A browser without a window.
pub(super) struct Browser {
    line: Arc<Line>,
    _child: Child,
    _profile: TempDir,
}

/// The pipe to the browser.
pub(super) struct Line {
    input: tokio::sync::Mutex<ChildStdin>,
    last: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// What the browser told of its own, by tab.
    told: Mutex<HashMap<String, Vec<Value>>>,
}

/// What a test needs beside Rust.
pub(super) fn brought(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    value
        .unwrap_or_else(|| panic!("set {variable}, or run ./test"))
        .into()
}

/// A file that came from npm.
pub(super) fn from_npm(path: &str) -> PathBuf {
    brought(WEB).join("node_modules").join(path)
}

impl Browser {
    /// Starts it, with a profile of its own.
    pub(super) async fn open() -> Self {
        let profile = TempDir::new().unwrap();
        // The pipe is on the file descriptors 3 and 4, which a shell can put there.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                "sh",
            ])
            .arg(brought(CHROMIUM))
            .args([
                "--headless",
                "--remote-debugging-pipe",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--force-color-profile=srgb",
                "--no-first-run",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            // Root may not have the sandbox.
            .args(
                rustix::process::geteuid()
                    .is_root()
                    .then_some("--no-sandbox"),
            )
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let line = Arc::new(Line {
            input: child.stdin.take().unwrap().into(),
            last: AtomicU64::new(0),
            waiting: Mutex::default(),
            told: Mutex::default(),
        });
        tokio::spawn(line.clone().hear(child.stdout.take().unwrap()));
        line.ask(None, "Browser.getVersion", json!({})).await;
        Self {
            line,
            _child: child,
            _profile: profile,
        }
    }

    /// The pipe, for a tab.
    pub(super) fn line(&self) -> Arc<Line> {
        self.line.clone()
    }
}

impl Line {
    /// Asks the browser, or one tab of it, and gives its answer.
    pub(super) async fn ask(&self, tab: Option<&str>, method: &str, params: Value) -> Value {
        let answer = self.exchange(tab, method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// As [`ask`](Self::ask), of a page that may be left meanwhile: null if it was.
    pub(super) async fn ask_page(&self, tab: &str, method: &str, params: Value) -> Value {
        let answer = self.exchange(Some(tab), method, params).await;
        let said = answer["error"]["message"].as_str();
        if said.is_some_and(|said| LEFT.iter().any(|left| said.contains(left))) {
            return Value::Null;
        }
        assert!(said.is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    async fn exchange(&self, tab: Option<&str>, method: &str, params: Value) -> Value {
        let id = 1 + self.last.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(tab) = tab {
            message["sessionId"] = tab.into();
        }
        let (tell, answer) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, tell);
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        {
            let mut input = self.input.lock().await;
            input.write_all(&bytes).await.unwrap();
            input.flush().await.unwrap();
        }
        patiently(method, answer).await.expect("the browser runs")
    }

    /// What a tab told so far of this kind.
    pub(super) fn told(&self, tab: &str, method: &str) -> Vec<Value> {
        let told = self.told.lock().unwrap();
        let of_tab = told.get(tab).into_iter().flatten();
        let these = of_tab.filter(|event| event["method"] == method);
        these.map(|event| event["params"].clone()).collect()
    }

    /// Forgets what a tab told.
    pub(super) fn forget(&self, tab: &str) {
        self.told.lock().unwrap().remove(tab);
    }

    async fn hear(self: Arc<Self>, output: ChildStdout) {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        while output
            .read_until(0, &mut bytes)
            .await
            .is_ok_and(|read| read > 0)
        {
            let message: Value = serde_json::from_slice(&bytes[..bytes.len() - 1]).unwrap();
            bytes.clear();
            if let Some(id) = message["id"].as_u64() {
                let waiting = self.waiting.lock().unwrap().remove(&id);
                if let Some(tell) = waiting {
                    let _ = tell.send(message);
                }
            } else if let Some(tab) = message["sessionId"].as_str() {
                let mut told = self.told.lock().unwrap();
                told.entry(tab.to_owned()).or_default().push(message);
            }
        }
    }
}
