//! What a service of the town logged, for tests that read it and for people when a test fails.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use tracing_subscriber::{filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _};

/// A log over all lives of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    path: PathBuf,
    file: Arc<File>,
}

impl Log {
    pub(crate) fn new(path: &Path) -> Self {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        Self {
            path: path.to_owned(),
            file: Arc::new(file),
        }
    }

    /// Everything that was logged so far.
    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// The lines in which `words` stands.
    pub(crate) fn lines_with(&self, words: &str) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| line.contains(words))
            .map(str::to_owned)
            .collect()
    }

    /// For a child process to write to.
    pub(crate) fn file(&self) -> File {
        self.file.try_clone().unwrap()
    }

    /// A log that writes here.
    pub(crate) fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let filter: Targets = directives().parse().expect("TOWN_LOG holds log directives");
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(self.clone())
            .finish()
            .with(filter)
    }
}

/// What is logged: the directives in `TOWN_LOG` (`info,broker=debug`); `info` when it is not set.
pub(crate) fn directives() -> String {
    env::var("TOWN_LOG").unwrap_or_else(|_| "info".into())
}

impl Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Log;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}
