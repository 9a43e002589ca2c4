//! A submission: a form with the papers that go with it.

use crate::form::{Form, FormError};
use contract::v1;
use node::documents::{Digest, Documents};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Documents of one piece of evidence; the contract's.
pub(crate) const DOCUMENTS_MAX: usize = 20;

/// A paper that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// Name a file that exists and may be read.
    #[error("{evidence}: cannot take the paper {path}: {source}; name a file that exists and may be read", path = path.display())]
    Read {
        /// The evidence.
        evidence: String,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Scan it again.
    #[error("{evidence}: the paper {path} is empty; scan or export it again", path = path.display())]
    Empty {
        /// The evidence.
        evidence: String,
        /// The file.
        path: PathBuf,
    },
    /// Scan it in less detail, or split it.
    #[error("{evidence}: the paper {path} has {size_bytes} bytes; at most {bytes_max}: scan it in less detail", path = path.display())]
    TooLarge {
        /// The evidence.
        evidence: String,
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        size_bytes: u64,
        /// The limit, bytes.
        bytes_max: u64,
    },
    /// Join some of them.
    #[error("{0}: has more than {DOCUMENTS_MAX} papers; join some of them")]
    TooMany(String),
}

/// A dossier to submit.
#[derive(Debug, Clone)]
pub struct Submission {
    form: Form,
    submit_key: String,
    /// Evidence and the file of a paper of it.
    papers: Vec<(String, PathBuf)>,
}

impl Submission {
    /// A submission of a form whose papers lie in `folder`, with a new key.
    pub fn new(form: Form, folder: &Path) -> Self {
        let papers = form
            .evidence
            .iter()
            .flat_map(|(name, given)| {
                given
                    .documents
                    .iter()
                    .map(|path| (name.clone(), folder.join(path)))
            })
            .collect();
        Self {
            form,
            submit_key: uuid::Uuid::now_v7().to_string(),
            papers,
        }
    }

    /// A submission of the form in a file, whose papers lie beside it.
    ///
    /// # Errors
    /// [`FormError`] names the field and how to mend it.
    pub fn load(path: &Path) -> Result<Self, FormError> {
        let form = Form::load(path)?;
        Ok(Self::new(form, path.parent().unwrap_or(Path::new(""))))
    }

    /// Gives it a key of the caller's, 1 to 128 printable ASCII characters: the same key gives the
    /// same dossier for ever.
    #[must_use]
    pub fn with_key(mut self, submit_key: impl Into<String>) -> Self {
        self.submit_key = submit_key.into();
        self
    }

    /// Adds a paper to a piece of evidence, wherever it lies.
    #[must_use]
    pub fn attach(mut self, evidence: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.papers.push((evidence.into(), path.into()));
        self
    }

    /// Its key.
    pub fn submit_key(&self) -> &str {
        &self.submit_key
    }

    /// Copies the papers to `documents` and gives the request that names them.
    pub(crate) async fn prepare(
        &self,
        agency_code: &str,
        documents: &Documents,
        document_bytes_max: u64,
    ) -> Result<(v1::SubmitRequest, Vec<(Digest, u64)>), PaperError> {
        let mut request = self.form.request(agency_code, &self.submit_key);
        let evidence = &mut request.evidence;
        let kept = take_papers(
            &self.papers,
            documents,
            document_bytes_max,
            |name, paper| put(evidence, name, paper),
        );
        let kept = kept.await?;
        Ok((request, kept))
    }
}

/// Copies papers to `documents` and names each to `put`, which says false where there are too many.
pub(crate) async fn take_papers(
    papers: &[(String, PathBuf)],
    documents: &Documents,
    document_bytes_max: u64,
    mut put: impl FnMut(&str, v1::Document) -> bool,
) -> Result<Vec<(Digest, u64)>, PaperError> {
    let mut kept = Vec::new();
    for (name, path) in papers {
        let (digest, size_bytes) = take(name, path, documents, document_bytes_max).await?;
        let file_name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let paper = v1::Document {
            digest: bytes::Bytes::copy_from_slice(&digest),
            size_bytes,
            media_type: media_type(path).into(),
            file_name: file_name.unwrap_or_default(),
        };
        if !put(name, paper) {
            return Err(PaperError::TooMany(name.clone()));
        }
        kept.push((digest, size_bytes));
    }
    kept.sort_unstable();
    kept.dedup();
    Ok(kept)
}

/// Adds a paper to a piece of evidence; false where it has as many as it may.
pub(crate) fn put(evidence: &mut Vec<v1::EvidenceInput>, name: &str, paper: v1::Document) -> bool {
    let at = evidence.iter().position(|input| input.name == name);
    let at = at.unwrap_or_else(|| {
        // The broker says whether the procedure knows it.
        evidence.push(v1::EvidenceInput {
            name: name.to_owned(),
            ..Default::default()
        });
        evidence.len() - 1
    });
    evidence[at].documents.push(paper);
    evidence[at].documents.len() <= DOCUMENTS_MAX
}

async fn take(
    evidence: &str,
    path: &Path,
    documents: &Documents,
    bytes_max: u64,
) -> Result<(Digest, u64), PaperError> {
    let (evidence, path) = (evidence.to_owned(), path.to_owned());
    let read = |source| PaperError::Read {
        evidence: evidence.clone(),
        path: path.clone(),
        source,
    };
    let found = tokio::fs::metadata(&path).await.map_err(read)?;
    if !found.is_file() {
        return Err(read(io::Error::other("it is no file")));
    }
    match found.len() {
        0 => Err(PaperError::Empty { evidence, path }),
        size_bytes if size_bytes > bytes_max => Err(PaperError::TooLarge {
            evidence,
            path,
            size_bytes,
            bytes_max,
        }),
        _ => documents.put_file(&path).await.map_err(read),
    }
}

/// IANA media type, by the ending of the name.
fn media_type(path: &Path) -> &'static str {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("tif" | "tiff") => "image/tiff",
        Some("xml") => "application/xml",
        Some("json") => "application/json",
        Some("txt") => "text/plain",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        _ => "application/octet-stream",
    }
}
