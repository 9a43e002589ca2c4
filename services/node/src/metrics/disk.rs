//! The disk that a store lies on.

use super::Page;
use std::path::Path;

/// Bytes that are free for this process, and bytes in all.
pub type Room = Option<(u64, u64)>;

/// The room on the disk of a folder; none when the system does not say. Blocks for a moment.
pub fn room(folder: &Path) -> Room {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
}

/// Tells it.
pub fn tell(room: Room, page: &mut Page) {
    let Some((free, all)) = room else { return };
    page.gauge(
        "lienthong_store_disk_free_bytes",
        "Bytes that are free on the disk of the store.",
    )
    .is(free);
    page.gauge(
        "lienthong_store_disk_bytes",
        "Bytes of the disk of the store, free or not.",
    )
    .is(all);
}
