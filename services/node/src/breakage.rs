//! Deliberate breakages and faults from within, for the crash harness: a harness that cannot fail proves
//! nothing. Compiled with the feature `faults` alone, which nothing that is shipped has.

#[cfg(not(debug_assertions))]
compile_error!("the feature `faults` is for tests: a release must not have it");

use std::{env, path::PathBuf, sync::LazyLock};

/// Names the way in which a process is to be broken.
pub const BREAKAGE: &str = "LIENTHONG_BREAKAGE";
/// The folder in which a file of a fault's name lets it strike, once.
pub const FAULTS: &str = "LIENTHONG_FAULTS";

static BROKEN: LazyLock<String> = LazyLock::new(|| {
    let broken = env::var(BREAKAGE).unwrap_or_default();
    if !broken.is_empty() {
        tracing::error!(broken, "this process is broken on purpose");
    }
    broken
});
static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| env::var_os(FAULTS).map(Into::into));

/// Whether this process is to be broken in this way.
pub fn is(breakage: &str) -> bool {
    *BROKEN == breakage
}

/// Whether this fault strikes now; it does so once each time that its file is put there.
pub fn strikes(fault: &str) -> bool {
    FOLDER
        .as_ref()
        .is_some_and(|folder| std::fs::remove_file(folder.join(fault)).is_ok())
}
