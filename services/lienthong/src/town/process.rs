//! Child processes: each ends with this one, whatever way this one ends.

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::{Child, ChildStdin, Command},
    time::timeout,
};

/// How long a process may take to end by itself.
const END_MAX: Duration = Duration::from_secs(5);

/// One service of the town, running or not.
#[derive(Debug)]
pub(crate) struct Process {
    /// What people call it.
    pub(crate) name: String,
    /// Where it logs, over all its lives.
    pub(crate) log: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    pid: Pid,
    /// Closes with this process, even when that is killed, and the child ends then.
    _input: Option<ChildStdin>,
}

impl Process {
    /// A service of this binary that is not started yet: `lienthong <command> --config <config>`.
    pub(crate) fn new(name: &str, command: &str, config: &Path, logs: &Path) -> Self {
        let config = config.display().to_string();
        let arguments = [command, "--config", &config, "--until-input-closes"];
        Self {
            name: name.to_owned(),
            log: logs.join(format!("{name}.log")),
            arguments: arguments.map(str::to_owned).to_vec(),
            variables: Vec::new(),
            running: None,
        }
    }

    /// It logs this.
    #[cfg(feature = "bench")]
    pub(crate) fn logging(mut self, filter: &str) -> Self {
        self.arguments
            .extend(["--log".to_owned(), filter.to_owned()]);
        self
    }

    /// Its environment says this too.
    #[cfg(feature = "bench")]
    pub(crate) fn knowing(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Starts it.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let starting = || format!("cannot start the {}", self.name);
        let mut child = Command::new(program)
            .args(&self.arguments)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::from(log.try_clone().with_context(starting)?))
            .stderr(Stdio::from(log))
            // A Ctrl-C goes to this process alone, which then ends its children in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(starting)?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .with_context(starting)?;
        let _input = child.stdin.take();
        self.running = Some(Running { child, pid, _input });
        Ok(())
    }

    /// Its process id, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().and_then(|running| running.child.id())
    }

    /// Ends it with SIGTERM and waits; with SIGKILL when it does not end in time.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        // The child has not been waited for, so its id is still its own.
        kill_process(running.pid, Signal::TERM)
            .with_context(|| format!("cannot stop the {}", self.name))?;
        if timeout(END_MAX, running.child.wait()).await.is_err() {
            running
                .child
                .kill()
                .await
                .with_context(|| format!("cannot kill the {}", self.name))?;
        }
        Ok(())
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        running
            .child
            .kill()
            .await
            .with_context(|| format!("cannot kill the {}", self.name))
    }

    /// Waits until it falls although nobody ended it, and says so; for ever while it runs or is
    /// stopped.
    pub(crate) async fn fall(&mut self) -> anyhow::Error {
        let Some(running) = &mut self.running else {
            std::future::pending().await
        };
        let how = match running.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let said = self.error();
        anyhow!(
            "the {} ended by itself ({how}){said}; see {}",
            self.name,
            self.log.display()
        )
    }

    /// The error that it ended with, to be read after a colon.
    fn error(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let error = log.lines().rfind(|line| line.starts_with("error: "));
        error.map(|line| format!(": {line}")).unwrap_or_default()
    }
}
