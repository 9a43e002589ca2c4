//! A small disk of its own for a service, which a test can fill up, empty, and make read-only.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A file system in memory, mounted on a folder of the town; gone when it is dropped.
pub(crate) struct Disk {
    folder: PathBuf,
}

/// Says, past the test runner that keeps what tests print, what was not tested here.
pub(crate) fn left_out(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {test}: {why}");
}

impl Disk {
    /// Mounts one of so many megabytes on `folder`; none where this process may not.
    pub(crate) fn mount(folder: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "town"])
            .arg(folder));
        mounted.then(|| Self {
            folder: folder.to_owned(),
        })
    }

    /// Takes all the room there is, up to so many bytes that stay free.
    pub(crate) fn fill(&self, free_bytes: u64) {
        let mut file = fs::File::create(self.filler()).unwrap();
        let mut taken = 0;
        // A page at a time, until not even one more goes.
        while file.write_all(&[7; 4096]).is_ok() {
            taken += 4096;
        }
        file.set_len(u64::saturating_sub(taken, free_bytes))
            .unwrap();
    }

    /// Gives the room back.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    /// Lets nobody write any more; only while nobody has a file open for writing.
    pub(crate) fn make_read_only(&self) {
        assert!(run(Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.folder)));
    }

    /// Lets everybody write again.
    pub(crate) fn make_writable(&self) {
        assert!(run(Command::new("mount")
            .args(["-o", "remount,rw"])
            .arg(&self.folder)));
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.folder));
    }
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
