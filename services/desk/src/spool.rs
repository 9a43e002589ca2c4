//! The spool: a folder into which a program or a person puts dossiers as files.
//!
//! `incoming/<name>/dossier.json` with its papers beside it; put the papers first, or move the whole
//! folder in. It goes to `sent/<code>/` with a `receipt.json`, or to `refused/<name>/` with an
//! `error.txt` that says what to mend. While the broker is away it waits where it is, with a
//! `receipt.json` if the desk had a code leased for it. An act for a dossier, `act.json`, goes to
//! `sent/<its id>/` likewise.

use crate::{
    act::{Act, Answer},
    desk::{Desk, Receipt, SubmitError},
    form::ActForm,
    submission::Submission,
};
use node::shutdown::Shutdown;
use serde_json::json;
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

const FORM: &str = "dossier.json";
const ACT: &str = "act.json";
const RECEIPT: &str = "receipt.json";
/// Holds the key from the first sight on, so that a crash makes no second dossier.
const KEY: &str = ".submit-key";
/// How long one dossier is tried before the next has its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks into the spool until `shutdown`.
pub(crate) async fn run(desk: Desk, folder: PathBuf, shutdown: Shutdown) {
    let pause = Duration::from_millis(desk.inner.config.times.spool_ms.max(1));
    loop {
        if let Err(error) = look(&desk, &folder, &shutdown).await {
            tracing::error!(%error, folder = %folder.display(), "the spool cannot be used now");
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.triggered() => return,
        }
    }
}

async fn look(desk: &Desk, folder: &Path, shutdown: &Shutdown) -> io::Result<()> {
    let incoming = folder.join("incoming");
    fs::create_dir_all(&incoming)?;
    let mut names: Vec<PathBuf> = fs::read_dir(&incoming)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join(FORM).is_file() || path.join(ACT).is_file())
        .collect();
    names.sort();
    for path in names {
        if shutdown.is_triggered() {
            return Ok(());
        }
        let taken = if path.join(ACT).is_file() {
            Box::pin(act(desk, folder, &path)).await?
        } else {
            Box::pin(submit(desk, folder, &path)).await?
        };
        match taken {
            Ok(()) | Err(SubmitError::NotYet { .. }) => {}
            Err(SubmitError::Store(error)) => return Err(io::Error::other(error)),
            Err(error) => refuse(folder, &path, &error.to_string())?,
        }
    }
    Ok(())
}

async fn submit(desk: &Desk, folder: &Path, path: &Path) -> io::Result<Result<(), SubmitError>> {
    let submission = match Submission::load(&path.join(FORM)) {
        Ok(submission) => submission,
        Err(error) => {
            refuse(folder, path, &error.to_string())?;
            return Ok(Ok(()));
        }
    };
    let submission = submission.with_key(key(path)?);
    match desk.submit(submission, PATIENCE).await {
        Ok(receipt) => accept(folder, path, &receipt).map(Ok),
        Err(SubmitError::NotYet {
            submit_key,
            dossier_code: Some(code),
            ..
        }) => {
            let text = json!({ "dossier_code": code, "submit_key": submit_key, "sent": false });
            write(&path.join(RECEIPT), &format!("{text:#}\n")).map(Ok)
        }
        Err(error) => Ok(Err(error)),
    }
}

async fn act(desk: &Desk, folder: &Path, path: &Path) -> io::Result<Result<(), SubmitError>> {
    let form = match ActForm::load(&path.join(ACT)) {
        Ok(form) => form,
        Err(error) => {
            refuse(folder, path, &error.to_string())?;
            return Ok(Ok(()));
        }
    };
    let act = Act::new(form, path).with_id(key(path)?);
    let id = act.request_id().to_owned();
    let answer = match desk.act(act, PATIENCE).await {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error)),
    };
    let mut text = json!({ "request_id": id });
    if let Answer::SupplementAsked(asked) = answer {
        text["supplement_number"] = asked.supplement_number.into();
    }
    write(&path.join(RECEIPT), &format!("{text:#}\n"))?;
    move_to(path, &folder.join("sent"), &id).map(Ok)
}

/// The key of what lies in the spool, durable before it is used.
fn key(path: &Path) -> io::Result<String> {
    let file = path.join(KEY);
    match fs::read_to_string(&file) {
        #[cfg(feature = "faults")]
        Ok(_) if node::breakage::is("submit under a new key each time") => {}
        Ok(key) if !key.is_empty() => return Ok(key),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let key = format!("spool-{}", uuid::Uuid::now_v7());
    write(&file, &key)?;
    File::open(path)?.sync_all()?;
    Ok(key)
}

fn accept(folder: &Path, path: &Path, receipt: &Receipt) -> io::Result<()> {
    let text = json!({
        "dossier_code": receipt.dossier_code,
        "dossier_id": receipt.dossier_id,
        "submit_key": receipt.submit_key,
    });
    write(&path.join(RECEIPT), &format!("{text:#}\n"))?;
    move_to(path, &folder.join("sent"), &receipt.dossier_code)
}

fn refuse(folder: &Path, path: &Path, why: &str) -> io::Result<()> {
    tracing::warn!(folder = %path.display(), "a dossier in the spool was refused; see error.txt");
    write(&path.join("error.txt"), &format!("{why}\n"))?;
    // Mended and put in again it is a new submission.
    if let Err(error) = fs::remove_file(path.join(KEY))
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    move_to(path, &folder.join("refused"), &name)
}

/// Moves a folder under a name that is free.
fn move_to(path: &Path, folder: &Path, name: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut target = folder.join(name);
    let mut number = 1;
    while target.exists() {
        number += 1;
        target = folder.join(format!("{name}-{number}"));
    }
    fs::rename(path, target)?;
    File::open(folder)?.sync_all()
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
