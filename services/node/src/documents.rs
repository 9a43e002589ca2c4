//! A folder of documents, each a file named by the SHA-256 of its bytes: there whole or not at all.

use sha2::{Digest as _, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};

/// SHA-256 (FIPS 180-4) of a document's bytes.
pub type Digest = [u8; 32];

/// Bytes that are read or written at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// How the name of a file ends that is not whole yet.
const PART: &str = "part";

/// The digest of bytes in memory.
pub fn digest_of(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// The digest of what a file holds, and its size in bytes, in constant memory.
///
/// # Errors
/// The file cannot be read.
pub async fn digest_of_file(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path).await?;
    let (mut hash, mut size_bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Ok((hash.finalize().into(), size_bytes));
        }
        hash.update(&buffer[..read]);
        size_bytes += read as u64;
    }
}

/// The folder.
#[derive(Debug, Clone)]
pub struct Documents {
    folder: PathBuf,
}

impl Documents {
    /// Uses `folder`, made when it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Where the document with this digest lies, or would lie.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(hex::encode(digest))
    }

    /// Whether the document is here, whole.
    pub async fn has(&self, digest: &Digest, size_bytes: u64) -> bool {
        fs::metadata(self.path(digest))
            .await
            .is_ok_and(|found| found.len() == size_bytes)
    }

    /// Keeps bytes, durably, and says by which digest. Keeping them again changes nothing.
    ///
    /// # Errors
    /// They cannot be written; nothing is kept.
    pub async fn put_bytes(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = digest_of(bytes);
        if !self.has(&digest, bytes.len() as u64).await {
            let part = self.part();
            let written = async {
                let mut file = File::create(&part).await?;
                file.write_all(bytes).await?;
                finish(file, &part, &self.path(&digest)).await
            };
            discard_on_error(written.await, &part).await?;
        }
        Ok(digest)
    }

    /// Keeps a copy of a file, durably, and says its digest and size in bytes. Constant memory.
    ///
    /// # Errors
    /// It cannot be read or written; nothing is kept.
    pub async fn put_file(&self, path: &Path) -> io::Result<(Digest, u64)> {
        let part = self.part();
        let written = async {
            let (mut from, mut file) = (File::open(path).await?, File::create(&part).await?);
            let (mut hash, mut size_bytes) = (Sha256::new(), 0);
            let mut buffer = vec![0; BUFFER_BYTES];
            loop {
                let read = from.read(&mut buffer).await?;
                if read == 0 {
                    break;
                }
                hash.update(&buffer[..read]);
                file.write_all(&buffer[..read]).await?;
                size_bytes += read as u64;
            }
            let digest: Digest = hash.finalize().into();
            finish(file, &part, &self.path(&digest)).await?;
            Ok((digest, size_bytes))
        };
        discard_on_error(written.await, &part).await
    }

    /// Removes a document. One that is not here is no error.
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn remove(&self, digest: &Digest) -> io::Result<()> {
        match fs::remove_file(self.path(digest)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A name for a file that is not whole yet; its process clears such files at its next start.
    fn part(&self) -> PathBuf {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        self.folder
            .join(format!("put-{}-{number}.{PART}", std::process::id()))
    }

    /// Removes what puts left behind that were cut by a crash. Call it before the first put.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn clear_cut_puts(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("put-") && name.ends_with(PART) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Makes a written file durable under its name: the file first, then its name, then the folder.
pub(crate) async fn finish(file: File, part: &Path, path: &Path) -> io::Result<()> {
    let mut file = file;
    file.flush().await?;
    file.sync_all().await?;
    drop(file);
    fs::rename(part, path).await?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).await?.sync_all().await
}

async fn discard_on_error<T>(written: io::Result<T>, part: &Path) -> io::Result<T> {
    if written.is_err() {
        let _ = fs::remove_file(part).await;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[tokio::test]
    async fn bytes_and_a_file_with_the_same_bytes_are_one_document() {
        let folder = TempDir::new().unwrap();
        let documents = Documents::open(folder.path().join("documents")).unwrap();
        let paper = folder.path().join("giấy.pdf");
        std::fs::write(&paper, b"paper").unwrap();
        let digest = documents.put_bytes(b"paper").await.unwrap();
        assert_eq!(documents.put_file(&paper).await.unwrap(), (digest, 5));
        assert_eq!(
            digest_of_file(&documents.path(&digest)).await.unwrap(),
            (digest, 5)
        );
        assert!(documents.has(&digest, 5).await && !documents.has(&digest, 4).await);
        assert_eq!(
            std::fs::read_dir(folder.path().join("documents"))
                .unwrap()
                .count(),
            1
        );
        documents.remove(&digest).await.unwrap();
        documents.remove(&digest).await.unwrap();
        assert!(!documents.has(&digest, 5).await);
    }

    #[tokio::test]
    async fn a_put_that_a_crash_cut_is_cleared_at_the_next_start() {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("put-1-0.part"), b"half").unwrap();
        std::fs::write(folder.path().join("ab.part"), b"a download goes on here").unwrap();
        Documents::open(folder.path())
            .unwrap()
            .clear_cut_puts()
            .unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
