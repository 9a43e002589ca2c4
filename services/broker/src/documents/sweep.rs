//! What nobody finished or nobody named goes.

use super::{Documents, Inner, Refusal};
use dossier::name::Digest;
use jiff::Timestamp;
use std::{fs, io, path::Path};
use tokio::task::spawn_blocking;

/// Documents that one sweep looks at; the rest is for the next.
const SWEEP_DOCUMENTS_MAX: u32 = 1_000;

/// What a sweep took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Broken uploads.
    pub uploads: usize,
    /// Complete documents that no dossier names.
    pub documents: usize,
    /// More may be due: sweep again soon.
    pub more: bool,
}

impl Documents {
    /// Takes away broken uploads and unnamed documents whose time is over. To be called every few
    /// minutes.
    ///
    /// # Errors
    /// [`Refusal`]; the rest is for the next sweep.
    pub async fn sweep(&self, now: Timestamp) -> Result<Swept, Refusal> {
        let inner = self.inner.clone();
        let swept = spawn_blocking(move || sweep(&inner, now));
        swept
            .await
            .map_err(|_| Refusal::Disk("the sweep was broken off".into()))?
    }

    /// Takes away those of these documents that nobody names any more.
    ///
    /// # Errors
    /// [`Refusal`], the first one; all of them were tried.
    pub async fn let_go(&self, digests: Vec<Digest>, now: Timestamp) -> Result<(), Refusal> {
        let inner = self.inner.clone();
        let gone = spawn_blocking(move || leave_all(&inner, digests, now).1);
        gone.await
            .map_err(|_| Refusal::Disk("the letting go was broken off".into()))?
    }

    /// Takes away documents that nobody has a claim to and that no dossier names, and says how many:
    /// what an erased dossier left behind when nobody came to let it go. It looks at every document;
    /// to be called once after opening and after dossiers were erased, beside other work.
    ///
    /// # Errors
    /// [`Refusal`], the first one; all of them were tried, and the rest is for the next time.
    pub async fn sweep_unclaimed(&self, now: Timestamp) -> Result<usize, Refusal> {
        let inner = self.inner.clone();
        let swept = spawn_blocking(move || sweep_unclaimed(&inner, now));
        swept
            .await
            .map_err(|_| Refusal::Disk("the sweep was broken off".into()))?
    }

    /// Takes away files without a row: what a process left that ended between file and row. To be
    /// called once after opening, beside other work.
    ///
    /// # Errors
    /// [`Refusal`]; the rest is for the next start.
    pub async fn sweep_strays(&self) -> Result<usize, Refusal> {
        let inner = self.inner.clone();
        let swept = spawn_blocking(move || sweep_strays(&inner));
        swept
            .await
            .map_err(|_| Refusal::Disk("the sweep was broken off".into()))?
    }
}

fn sweep(inner: &Inner, now: Timestamp) -> Result<Swept, Refusal> {
    let mut swept = Swept::default();
    let since = now
        .saturating_sub(inner.config.upload_expiry())
        .unwrap_or(Timestamp::MIN);
    // The file goes while nobody can take its upload up, and an upload whose file stays is counted
    // on.
    let removed = |part: &Path| remove(&inner.uploads.join(part));
    swept.uploads = inner.accounts.remove_untouched_since(since, removed)?;
    let expired = inner.register.expired(now, SWEEP_DOCUMENTS_MAX)?;
    swept.more = expired.len() == SWEEP_DOCUMENTS_MAX as usize;
    let (gone, all) = leave_all(inner, expired, now);
    swept.documents = gone;
    all.map(|()| swept)
}

fn sweep_unclaimed(inner: &Inner, now: Timestamp) -> Result<usize, Refusal> {
    let (mut count, mut first) = (0, Ok(()));
    let mut after = None;
    loop {
        let mut page = inner
            .register
            .unclaimed(after.as_ref(), SWEEP_DOCUMENTS_MAX)?;
        let Some(last) = page.last() else {
            return first.map(|()| count);
        };
        after = Some(*last);
        // Most are named, and to find that out must cost no write.
        page.retain(|digest| !matches!(inner.store.names(digest), Ok(true)));
        let (gone, all) = leave_all(inner, page, now);
        count += gone;
        first = first.and(all);
    }
}

/// Lets documents go, and says how many went. What stays because of an error holds up no other; the
/// first error is told.
fn leave_all(inner: &Inner, digests: Vec<Digest>, now: Timestamp) -> (usize, Result<(), Refusal>) {
    let (mut count, mut first) = (0, Ok(()));
    for digest in digests {
        match leave(inner, digest, now) {
            Ok(gone) => count += usize::from(gone),
            Err(error) => first = first.and(Err(error)),
        }
    }
    (count, first)
}

/// Lets a document go unless somebody names it; the row first, so that no row is without its file.
fn leave(inner: &Inner, digest: Digest, now: Timestamp) -> Result<bool, Refusal> {
    let _shelf = inner.shelf(&digest);
    let Some(_leaving) = inner.naming.leave(digest) else {
        return Ok(false);
    };
    let named = inner.store.names(&digest)?;
    let gone = inner.register.forget(digest, named, now)?;
    if gone {
        remove(&inner.path_of(&digest))?;
    }
    Ok(gone)
}

fn sweep_strays(inner: &Inner) -> Result<usize, Refusal> {
    let mut strays = 0;
    for folder in fs::read_dir(&inner.folder)? {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(folder.path())? {
            let name = [folder.file_name(), file?.file_name()].map(|n| n.into_string());
            let [Ok(first), Ok(rest)] = name else {
                continue;
            };
            let mut digest = Digest([0; 32]);
            if hex::decode_to_slice(first + &rest, &mut digest.0).is_err() {
                continue;
            }
            // Held, so that a document that is just arriving has its row, too.
            let _shelf = inner.shelf(&digest);
            if inner.register.size(&digest)?.is_none() {
                remove(&inner.path_of(&digest))?;
                strays += 1;
            }
        }
    }
    Ok(strays)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
