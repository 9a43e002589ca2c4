//! How much of documents the broker takes on.

use jiff::SignedDuration;
use std::time::Duration;

/// Limits of documents.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentsConfig {
    /// Bytes of one document; default 1 GiB.
    pub document_bytes_max: u64,
    /// Bytes of the disk that uploads leave free for the ledger; default 256 MiB.
    pub disk_reserve_bytes: u64,
    /// Hours after its last byte in which a broken upload can go on; default 24.
    pub upload_expiry_hours: u32,
    /// Hours in which a complete document must be named in a dossier; default 24.
    pub unnamed_expiry_hours: u32,
    /// Seconds that an upload waits for its next chunk; default 60.
    pub chunk_silence_s_max: u32,
    /// Uploads of all systems at once; default 64.
    pub uploads_max: usize,
    /// Uploads of one system at once; default 16.
    pub uploads_per_system_max: usize,
    /// Downloads of all systems at once; default 64.
    pub downloads_max: usize,
    /// Downloads of one system at once; default 16.
    pub downloads_per_system_max: usize,
    /// Broken uploads of one system that can go on; default 1,024.
    pub parts_per_system_max: usize,
    /// Bytes of one system that no dossier names, complete or not; default 16 GiB.
    pub unnamed_bytes_per_system_max: u64,
}

impl Default for DocumentsConfig {
    fn default() -> Self {
        Self {
            document_bytes_max: 1024 * 1024 * 1024,
            disk_reserve_bytes: 256 * 1024 * 1024,
            upload_expiry_hours: 24,
            unnamed_expiry_hours: 24,
            chunk_silence_s_max: 60,
            uploads_max: 64,
            uploads_per_system_max: 16,
            downloads_max: 64,
            downloads_per_system_max: 16,
            parts_per_system_max: 1_024,
            unnamed_bytes_per_system_max: 16 * 1024 * 1024 * 1024,
        }
    }
}

impl DocumentsConfig {
    pub(super) fn upload_expiry(&self) -> SignedDuration {
        SignedDuration::from_hours(self.upload_expiry_hours.into())
    }

    pub(super) fn unnamed_expiry(&self) -> SignedDuration {
        SignedDuration::from_hours(self.unnamed_expiry_hours.into())
    }

    pub(super) fn chunk_silence_max(&self) -> Duration {
        Duration::from_secs(self.chunk_silence_s_max.into())
    }
}
