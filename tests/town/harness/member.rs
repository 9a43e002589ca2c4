//! One process of the province: started, killed, stopped in its tracks, and refused its disk.

use crate::town::{
    log::Log,
    party::{CHILD_CONFIG, CHILD_RESTORED, CHILD_ROLE, CHILD_TEST},
};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a process may take to end in good order.
const END_MAX: Duration = Duration::from_secs(20);

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Broker,
    Department,
    Desk,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Department => "department",
            Self::Desk => "desk",
        }
    }
}

/// See the module. Dropping it kills the process.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) role: Role,
    config: PathBuf,
    log: Log,
    child: Option<Child>,
    /// What it is told besides, such as a deliberate breakage.
    told: Vec<(String, String)>,
}

impl Member {
    pub(super) fn new(
        name: &'static str,
        role: Role,
        folder: &Path,
        told: &[(String, String)],
    ) -> Self {
        Self {
            name,
            role,
            config: folder.join(format!("{name}.toml")),
            log: Log::new(&folder.join(format!("logs/{name}.log"))),
            child: None,
            told: told.to_vec(),
        }
    }

    /// Starts it; `restored` tells a broker that its store comes from an older copy.
    pub(super) fn start(&mut self, restored: bool) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        // A write beyond a limit shall fail as one on a full disk does, and not kill.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        match env::var_os("HARNESS_BINARY") {
            Some(binary) => {
                command.arg(binary).arg(self.role.word()).arg("--config");
                command.arg(&self.config).arg("--until-input-closes");
                command.args(restored.then_some("--restored"));
            }
            None => {
                command.arg(env::current_exe().unwrap());
                command.args(["--exact", CHILD_TEST, "--nocapture"]);
                command.env(CHILD_ROLE, self.role.word());
                command.env(CHILD_CONFIG, &self.config);
                command.envs(restored.then_some((CHILD_RESTORED, "1")));
            }
        }
        let child = command
            .envs(self.told.iter().cloned())
            // Its last lines shall say how it ended, and not from where.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(self.log.file())
            .stderr(self.log.file())
            .spawn();
        self.child = Some(child.unwrap());
    }

    pub(super) fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// SIGKILL; returns when it is gone.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to end, and says when it did not end well.
    pub(super) async fn end(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let _ = kill_process(pid(&child), Signal::TERM);
        let begun = Instant::now();
        loop {
            match child.try_wait().unwrap() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{} ended with {status}", self.name)),
                None if begun.elapsed() > END_MAX => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("{} did not end within {END_MAX:?}", self.name));
                }
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// SIGSTOP: it stands still and answers nobody.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Lets every write of it into a file fail, or succeed again.
    pub(super) fn refuse_writes(&self, refused: bool) {
        if let Some(child) = &self.child {
            let current = refused.then_some(0);
            let limits = Rlimit {
                current,
                maximum: None,
            };
            // It may have ended by itself this moment.
            let _ = prlimit(Some(pid(child)), Resource::Fsize, limits);
        }
    }

    /// Whether these words stand in its log.
    pub(super) fn said(&self, words: &str) -> bool {
        self.times_said(words) > 0
    }

    /// How often these words stand in its log.
    pub(super) fn times_said(&self, words: &str) -> usize {
        self.log.lines_with(words).len()
    }

    /// How it ended, if it did although nobody ended it.
    pub(super) fn fallen(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().unwrap()?;
        self.child = None;
        let text = self.log.text();
        let mut last: Vec<_> = text.lines().rev().take(60).collect();
        last.reverse();
        Some(format!(
            "{} ended by itself with {status}: {}",
            self.name,
            last.join(" | ")
        ))
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            let _ = kill_process(pid(child), signal);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The child has not been waited for, so its id is still its own.
fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed()).unwrap()
}
