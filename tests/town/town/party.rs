//! One running service of the town, in a thread or in a process of its own, so that it can be
//! killed at any moment as well as stopped.

use super::{
    log::Log,
    patience::{PATIENCE, until},
};
use node::shutdown::Shutdown;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::{
    future::Future,
    path::Path,
    pin::Pin,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Mutex,
    thread::{self, JoinHandle},
};
use tokio::{runtime, task::spawn_blocking};

/// What a service is run by: it ends by itself, at the shutdown, or when it is dropped.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// Says which service the process is to be, and with which configuration.
pub(crate) const CHILD_ROLE: &str = "TOWN_CHILD_ROLE";
pub(crate) const CHILD_CONFIG: &str = "TOWN_CHILD_CONFIG";
/// Set where the broker's store was restored from an older copy.
pub(crate) const CHILD_RESTORED: &str = "TOWN_CHILD_RESTORED";
/// The test that a child process runs instead of all others.
pub(crate) const CHILD_TEST: &str = "child::a_service_in_a_process_of_its_own";

/// See the module.
pub(crate) struct Party {
    what: String,
    life: Life,
}

enum Life {
    Thread {
        shutdown: Shutdown,
        killed: Shutdown,
        thread: Option<JoinHandle<Result<(), String>>>,
    },
    Process {
        child: Child,
    },
}

impl Party {
    /// Runs a service in a thread with a runtime of its own.
    pub(crate) fn in_thread(
        what: &str,
        log: &Log,
        run: impl FnOnce(Shutdown) -> Running + Send + 'static,
    ) -> Self {
        let (shutdown, killed) = (Shutdown::new(), Shutdown::new());
        let (ending, dying) = (shutdown.clone(), killed.clone());
        let subscriber = log.subscriber();
        let work = move || {
            let _log = tracing::subscriber::set_default(subscriber);
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let ended = runtime.block_on(async {
                tokio::select! {
                    () = dying.triggered() => Ok(()),
                    ended = run(ending) => ended,
                }
            });
            runtime.shutdown_timeout(PATIENCE);
            ended
        };
        let thread = thread::Builder::new()
            .name(what.to_owned())
            .spawn(work)
            .unwrap();
        let life = Life::Thread {
            shutdown,
            killed,
            thread: Some(thread),
        };
        Self {
            what: what.to_owned(),
            life,
        }
    }

    /// Runs a service in a child process, which ends with this one.
    pub(crate) fn in_process(what: &str, role: &str, config: &Path, log: &Log) -> Self {
        // A write beyond the limit shall fail as one on a disk does, and not kill.
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", CHILD_TEST, "--nocapture"])
            .env(CHILD_ROLE, role)
            .env(CHILD_CONFIG, config)
            .stdin(Stdio::piped())
            .stdout(log.file())
            .stderr(log.file())
            .spawn()
            .unwrap();
        Self {
            what: what.to_owned(),
            life: Life::Process { child },
        }
    }

    /// Waits until it serves, as `serving` finds out; or says how it ended instead.
    pub(crate) async fn opened(&mut self, serving: impl AsyncFn() -> bool) -> Result<(), String> {
        let what = format!("the {} to serve", self.what);
        let life = Mutex::new(&mut self.life);
        until(&what, || async {
            if let Some(how) = life.lock().unwrap().ended() {
                return Some(Err(how));
            }
            serving().await.then_some(Ok(()))
        })
        .await
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) {
        match &mut self.life {
            Life::Thread { shutdown, .. } => shutdown.trigger(),
            Life::Process { child } => signal(child, Signal::TERM),
        }
        let what = self.what.clone();
        let ended = spawn_blocking(move || self.join()).await.unwrap();
        assert_eq!(ended, Ok(()), "the {what} did not end well");
    }

    /// Waits until it has ended although nobody ended it.
    pub(crate) async fn ends_by_itself(mut self) {
        let what = format!("the {} to end by itself", self.what);
        until(&what, || {
            let ended = self.life.ended();
            async move { ended.map(drop) }
        })
        .await;
    }

    /// Ends it without asking: a process by SIGKILL, a thread by dropping all that it does.
    pub(crate) async fn kill(mut self) {
        self.strike();
        let _ = spawn_blocking(move || self.join()).await.unwrap();
    }

    /// Lets every write of its process into a file fail from now on.
    pub(crate) fn refuse_writes(&self) {
        let limits = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        prlimit(Some(self.process_id()), Resource::Fsize, limits).unwrap();
    }

    /// Bytes of memory that its process has.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let path = format!("/proc/{}/statm", self.process_id().as_raw_nonzero());
        let pages = std::fs::read_to_string(path).unwrap();
        pages
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 4096
    }

    fn process_id(&self) -> Pid {
        match &self.life {
            Life::Thread { .. } => panic!("the {} has no process of its own", self.what),
            Life::Process { child } => Pid::from_raw(child.id().cast_signed()).unwrap(),
        }
    }

    fn strike(&mut self) {
        match &mut self.life {
            Life::Thread { killed, .. } => killed.trigger(),
            Life::Process { child } => drop(child.kill()),
        }
    }

    fn join(&mut self) -> Result<(), String> {
        match &mut self.life {
            Life::Thread { thread, .. } => match thread.take() {
                Some(thread) => thread.join().unwrap_or_else(|_| Err("it panicked".into())),
                None => Ok(()),
            },
            Life::Process { child } => told(child.wait().unwrap()),
        }
    }
}

impl Life {
    /// How it ended, if it has.
    fn ended(&mut self) -> Option<String> {
        match self {
            Self::Thread { thread, .. } => {
                let thread = thread.take_if(|thread| thread.is_finished())?;
                Some(format!("{:?}", thread.join()))
            }
            Self::Process { child } => child.try_wait().unwrap().map(|status| status.to_string()),
        }
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.strike();
        let _ = self.join();
    }
}

fn told(status: ExitStatus) -> Result<(), String> {
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string())
    }
}

fn signal(child: &Child, signal: Signal) {
    // The child has not been waited for, so its id is still its own.
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}
