//! The line to the broker: where a dossier stands, and its results. It keeps nothing.

use crate::{config::Config, store::Lease, tally::Outcomes};
use contract::v1::{
    self, ListResultsRequest, ListResultsResponse, TrackRequest, TrackResponse,
    desk_service_client::DeskServiceClient,
};
use node::{
    documents::Digest,
    fault::Fault,
    tls::{ChannelError, ChannelOptions, Credentials, CredentialsError, channel},
    traces::Carrying,
    transfer::{self, TransferError},
};
use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{fs, time::timeout};
use tonic::{Code, Status, transport::Channel};
use unicode_normalization::UnicodeNormalization as _;

/// Bytes of one message; the contract's.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// The reason word for a dossier that the broker does not have.
const UNKNOWN_DOSSIER: &str = "UNKNOWN_DOSSIER";
/// The reason word of a dossier that a person must look at first.
const QUARANTINED: &str = "DOSSIER_QUARANTINED";
/// The reason words of a desk that is not let in, beside those of certificates.
const IDENTITY_REASONS: [&str; 4] = [
    "NOT_YOUR_AGENCY",
    "ROLE_NOT_ALLOWED",
    "IDENTITY_REFUSED",
    "NO_CERTIFICATE",
];
/// Bytes of a file name that is written.
const FILE_NAME_BYTES_MAX: usize = 200;

/// A call that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Try again later.
    #[error("the broker does not answer: {message}; try again later", message = .0.message())]
    Away(Status),
    /// Mend what is named.
    #[error(transparent)]
    Refused(Refused),
}

/// What the broker refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused ({reason}): {en}{}", fields_text(.fields))]
pub struct Refused {
    /// The status code.
    pub code: i32,
    /// The reason word.
    pub reason: String,
    /// What to do, in English.
    pub en: String,
    /// What to do, in Vietnamese; empty when it was not said.
    pub vi: String,
    /// Each field that is wrong, and how to mend it.
    pub fields: Vec<(String, String)>,
}

fn fields_text(fields: &[(String, String)]) -> String {
    fields
        .iter()
        .map(|(field, mend)| format!("\n  {field}: {mend}"))
        .collect()
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            | Code::Internal
            | Code::Unknown => Self::Away(status),
            code => Self::Refused(Refused {
                code: code as i32,
                reason: Fault::reason_of(&status).unwrap_or_else(|| format!("{code:?}")),
                en: status.message().to_owned(),
                vi: Fault::text_of(&status, "vi").unwrap_or_default(),
                fields: Fault::fields_of(&status),
            }),
        }
    }
}

impl CallError {
    /// Whether the broker does not know the dossier, or does not say that it does.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Refused(refused) if !refused.is_of_identity()
            && (refused.code == Code::NotFound as i32 || refused.code == Code::PermissionDenied as i32))
    }

    /// Whether the broker said that it does not have the dossier, rather than something in it.
    pub(crate) fn is_unknown_dossier(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.reason == UNKNOWN_DOSSIER)
    }

    /// Whether the broker answered, and speaks of what was asked rather than of itself.
    pub(crate) fn is_of_one_dossier(&self) -> bool {
        match self {
            Self::Away(status) => Fault::reason_of(status).is_some_and(|r| r == QUARANTINED),
            Self::Refused(refused) => !refused.is_of_identity(),
        }
    }
}

impl Refused {
    /// Whether the desk itself was not let in, and not what it brought: a certificate ran out, or
    /// the registry names another system for the agency. That is mended, and passes.
    pub fn is_of_identity(&self) -> bool {
        let denied = self.code == Code::PermissionDenied as i32
            && (IDENTITY_REASONS.contains(&self.reason.as_str())
                || self.reason.starts_with("CERTIFICATE_"));
        denied || self.code == Code::Unauthenticated as i32
    }
}

/// The line cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Mend the certificate files.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Mend the broker's address.
    #[error("the broker cannot be called: {0}")]
    Channel(#[from] ChannelError),
}

/// Results cannot be saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// See the message.
    #[error(transparent)]
    Call(#[from] CallError),
    /// See the message.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// Make the folder writable, or make room.
    #[error("cannot write {path}: {source}; make it writable or make room", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The files written.
    pub files: Vec<PathBuf>,
    /// True when the dossier is closed and no more will come.
    pub complete: bool,
}

/// The line. Cheap to clone.
#[derive(Clone)]
pub struct Line {
    pub(crate) agency_code: String,
    pub(crate) client: DeskServiceClient<Carrying<Channel>>,
    pub(crate) documents: Channel,
    pub(crate) credentials: Credentials,
    pub(crate) calls: Arc<Outcomes>,
    call_max: Duration,
}

impl Line {
    /// A line for the desk of this configuration; it connects at the first call.
    ///
    /// # Errors
    /// [`LineError`] says what to mend.
    pub fn new(config: &Config) -> Result<Self, LineError> {
        let credentials = Credentials::load(&config.credentials)?;
        let line = |options| {
            let broker = config.broker.identity.clone();
            channel(&config.broker.address, broker, &credentials, options)
        };
        let exchange = line(ChannelOptions::exchange().to_broker())?;
        let client = DeskServiceClient::new(Carrying(exchange))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self {
            agency_code: config.agency_code.clone(),
            client,
            documents: line(ChannelOptions::documents().to_broker())?,
            credentials,
            calls: Arc::default(),
            call_max: config.times.call_max(),
        })
    }

    /// Where a dossier stands, with its control slip.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn track(&self, dossier_code: &str) -> Result<TrackResponse, CallError> {
        let request = TrackRequest {
            agency_code: self.agency_code.clone(),
            dossier_code: dossier_code.into(),
        };
        let mut client = self.client.clone();
        self.call(client.track(request)).await
    }

    /// How far a dossier is, for whoever knows its code and nothing else.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn track_public(
        &self,
        dossier_code: &str,
    ) -> Result<v1::TrackPublicResponse, CallError> {
        let dossier_code = dossier_code.into();
        let mut client = self.client.clone();
        self.call(client.track_public(v1::TrackPublicRequest { dossier_code }))
            .await
    }

    /// One of the forms, as PDF; the request's `agency_code` is this desk's.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn form(
        &self,
        request: v1::GetFormRequest,
    ) -> Result<v1::GetFormResponse, CallError> {
        let request = v1::GetFormRequest {
            agency_code: self.agency_code.clone(),
            ..request
        };
        let mut client = self.client.clone();
        self.call(client.get_form(request)).await
    }

    /// What a dossier's results were used for again.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn vault_uses(&self, dossier_code: &str) -> Result<Vec<v1::VaultUse>, CallError> {
        let request = v1::ListVaultUsesRequest {
            agency_code: self.agency_code.clone(),
            dossier_code: dossier_code.into(),
        };
        let mut client = self.client.clone();
        Ok(self.call(client.list_vault_uses(request)).await?.uses)
    }

    /// A block of dossier codes, this desk's for ever.
    pub(crate) async fn lease_codes(&self, lease: &Lease) -> Result<Vec<String>, CallError> {
        let request = v1::LeaseCodesRequest {
            agency_code: self.agency_code.clone(),
            count: lease.count,
            request_id: lease.request_id.clone(),
        };
        let mut client = self.client.clone();
        Ok(self.call(client.lease_codes(request)).await?.dossier_codes)
    }

    /// The newest version of each result that exists so far.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn results(&self, dossier_code: &str) -> Result<ListResultsResponse, CallError> {
        let request = ListResultsRequest {
            agency_code: self.agency_code.clone(),
            dossier_code: dossier_code.into(),
        };
        let mut client = self.client.clone();
        self.call(client.list_results(request)).await
    }

    /// Saves the results that exist so far: a folder for each, with `data.json` and its documents.
    /// What is there of an older version is replaced.
    ///
    /// # Errors
    /// [`SaveError`]; called again, it goes on.
    pub async fn save_results(
        &self,
        dossier_code: &str,
        folder: &Path,
    ) -> Result<Saved, SaveError> {
        let results = self.results(dossier_code).await?;
        let mut files = Vec::new();
        for evidence in &results.results {
            let folder = folder.join(safe_name(&evidence.name));
            let at = |path: &Path| {
                let path = path.to_owned();
                move |source| SaveError::Write { path, source }
            };
            fs::create_dir_all(&folder).await.map_err(at(&folder))?;
            let mut taken = HashSet::new();
            if !evidence.data.is_empty() {
                let path = folder.join(free_name("data.json", &mut taken));
                fs::write(&path, &evidence.data).await.map_err(at(&path))?;
                files.push(path);
            }
            for document in &evidence.documents {
                let path = folder.join(free_name(&document.file_name, &mut taken));
                self.fetch(document, &path).await?;
                files.push(path);
            }
        }
        Ok(Saved {
            files,
            complete: results.complete,
        })
    }

    async fn fetch(&self, document: &v1::Document, path: &Path) -> Result<(), TransferError> {
        let digest =
            Digest::try_from(document.digest.as_ref()).map_err(|_| TransferError::Digest {
                digest: hex::encode(&document.digest),
            })?;
        let channel = self.documents.clone();
        transfer::download(
            channel,
            &self.agency_code,
            digest,
            document.size_bytes,
            path,
        )
        .await
    }

    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, CallError> {
        let late = |_| Status::deadline_exceeded("no answer in time");
        let answer = timeout(self.call_max, call).await.map_err(late).flatten();
        let answer = answer.map_err(CallError::from);
        self.calls.note(&answer);
        Ok(answer?.into_inner())
    }
}

/// A name that stays in its folder on any file system, and shows nothing odd.
fn safe_name(name: &str) -> String {
    let plain: String = name
        .nfc()
        .map(|c| {
            let odd = c.is_control()
                || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if odd { '_' } else { c }
        })
        .collect();
    let plain = plain.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if plain.is_empty() {
        return "unnamed".into();
    }
    if plain.len() <= FILE_NAME_BYTES_MAX {
        return plain.into();
    }
    // The ending says what it is: the middle is cut.
    let ending = plain.rfind('.').map_or("", |dot| &plain[dot..]);
    let ending = if ending.len() <= 16 { ending } else { "" };
    let end = plain.floor_char_boundary(FILE_NAME_BYTES_MAX - ending.len());
    format!("{}{ending}", &plain[..end])
}

/// A safe name that is not taken in its folder yet.
fn free_name(name: &str, taken: &mut HashSet<String>) -> String {
    let name = safe_name(name);
    let mut free = name.clone();
    let mut number = 1;
    while !taken.insert(free.to_lowercase()) {
        number += 1;
        free = match name.rfind('.').filter(|dot| *dot > 0) {
            Some(dot) => format!("{}-{number}{}", &name[..dot], &name[dot..]),
            None => format!("{name}-{number}"),
        };
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for (name, safe) in [
            ("giấy khai sinh.pdf", "giấy khai sinh.pdf"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("C:\\x\\y.pdf", "C__x_y.pdf"),
            ("..", "unnamed"),
            ("", "unnamed"),
            (".bashrc", "bashrc"),
            ("a\n\u{202e}fdp.exe", "a__fdp.exe"),
        ] {
            assert_eq!(safe_name(name), safe, "{name}");
        }
        let long = safe_name(&format!("{}.pdf", "ờ".repeat(300)));
        assert!(long.len() <= FILE_NAME_BYTES_MAX && long.ends_with(".pdf"));
    }

    #[test]
    fn two_documents_of_one_name_get_two_files() {
        let mut taken = HashSet::new();
        let names: Vec<_> = ["a.pdf", "A.pdf", "a.pdf", "x", "x"]
            .map(|n| free_name(n, &mut taken))
            .into();
        assert_eq!(names, ["a.pdf", "A-2.pdf", "a-3.pdf", "x", "x-2"]);
    }
}
