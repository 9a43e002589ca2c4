//! Documents against a real folder: what is kept, what leaves nothing behind, and who sees what.

use super::*;
use crate::store::{
    Batch, Change, Grant, MemoryStore, Store,
    conformance::{id, named, received},
};
use bytes::Bytes;
use jiff::{SignedDuration, ToSpan as _};
use tempfile::TempDir;

const DESK: &str = "spiffe://hue.example/desk/one";
const POLICE: &str = "spiffe://hue.example/department/police";
const CHUNK: usize = 256 * 1024;

/// A folder of documents that can be closed and opened again.
struct Room {
    folder: TempDir,
    store: MemoryStore,
    documents: Documents,
}

impl Room {
    fn new() -> Self {
        Self::with(DocumentsConfig::default())
    }

    fn with(config: DocumentsConfig) -> Self {
        let (folder, store) = (TempDir::new().unwrap(), MemoryStore::new());
        let documents = Documents::open(folder.path(), config, store.reader()).unwrap();
        Self {
            folder,
            store,
            documents,
        }
    }

    /// As after the end of the process.
    async fn reopened(self) -> Self {
        let Self {
            folder,
            store,
            documents,
        } = self;
        drop(documents);
        let documents = loop {
            let config = DocumentsConfig::default();
            match Documents::open(folder.path(), config, store.reader()) {
                Ok(documents) => break documents,
                // The register's writer is still closing.
                Err(OpenError::Register(EmbeddedError::InUse { .. })) => {
                    tokio::task::yield_now().await;
                }
                Err(other) => panic!("{other}"),
            }
        };
        Self {
            folder,
            store,
            documents,
        }
    }

    async fn send(&self, system: &str, bytes: &[u8]) -> Result<Complete, Refusal> {
        self.send_from(system, bytes, 0).await
    }

    async fn send_from(
        &self,
        system: &str,
        bytes: &[u8],
        from: usize,
    ) -> Result<Complete, Refusal> {
        let mut upload = self.documents.upload(system, header(bytes, from)).await?;
        push(&mut upload, bytes, from, bytes.len()).await?;
        upload.finish().await
    }

    /// Sends the first bytes and breaks off.
    async fn send_part(&self, system: &str, bytes: &[u8], to: usize) {
        let mut upload = self
            .documents
            .upload(system, header(bytes, 0))
            .await
            .unwrap();
        push(&mut upload, bytes, 0, to).await.unwrap();
        assert!(matches!(upload.finish().await, Err(Refusal::Cut { .. })));
    }

    async fn fetch(&self, system: &str, agency: &str, digest: Digest) -> Result<Vec<u8>, Refusal> {
        let (agency, now) = (named(agency), Timestamp::now());
        let mut download = self
            .documents
            .download(system, &agency, digest, 0, u64::MAX, now)
            .await?;
        let mut bytes = Vec::new();
        while let Some((offset, data)) = download.next().await? {
            assert_eq!(offset, bytes.len() as u64);
            assert!(data.len() <= CHUNK);
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    fn stat(&self, system: &str, bytes: &[u8]) -> (u64, bool) {
        self.documents
            .stat(system, &Digest::of(bytes), Timestamp::now())
            .unwrap()
    }

    /// A dossier that names a document, and gives it to an agency.
    fn name(&mut self, bytes: &[u8], agency: &str) {
        self.name_in(1, bytes, agency);
    }

    fn name_in(&mut self, dossier: u64, bytes: &[u8], agency: &str) {
        let grant = Grant {
            agency: named(agency),
            digest: Digest::of(bytes),
        };
        let change = Change {
            grants: vec![grant],
            ..received(dossier)
        };
        let done = self.store.commit(Batch {
            changes: vec![change],
            ..Batch::default()
        });
        assert!(done.unwrap().changes[0].is_ok());
    }

    /// How many files there are, complete or not.
    fn files(&self) -> usize {
        let files = |folder: &str| {
            let folders = fs::read_dir(self.folder.path().join(folder)).unwrap();
            let folders = folders
                .map(|f| f.unwrap().path())
                .filter(|path| path.is_dir());
            folders
                .map(|path| fs::read_dir(path).unwrap().count())
                .sum::<usize>()
        };
        files("documents") + files("uploads")
    }
}

fn paper(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}

fn header(bytes: &[u8], from: usize) -> Header {
    let size_bytes = bytes.len() as u64;
    Header {
        digest: Digest::of(bytes),
        size_bytes,
        offset: from as u64,
    }
}

async fn push(upload: &mut Upload, bytes: &[u8], from: usize, to: usize) -> Result<(), Refusal> {
    let mut offset = from;
    for chunk in bytes[from..to].chunks(CHUNK) {
        upload
            .push(offset as u64, Bytes::copy_from_slice(chunk))
            .await?;
        offset += chunk.len();
    }
    Ok(())
}

fn in_hours(hours: i64) -> Timestamp {
    Timestamp::now().checked_add(hours.hours()).unwrap()
}

#[tokio::test]
async fn a_document_comes_back_as_it_was_sent() {
    let room = Room::new();
    let bytes = paper(3 * 1024 * 1024 + 17);
    let done = room.send(DESK, &bytes).await.unwrap();
    assert_eq!(
        (done.digest, done.size_bytes),
        (Digest::of(&bytes), bytes.len() as u64)
    );
    let left = done.expires_at.duration_since(Timestamp::now());
    assert!(left > SignedDuration::from_hours(23) && left <= SignedDuration::from_hours(24));
    assert_eq!(room.fetch(DESK, "H26.1", done.digest).await.unwrap(), bytes);
    assert_eq!(room.stat(DESK, &bytes), (bytes.len() as u64, true));
    assert_eq!(room.files(), 1);

    let room = room.reopened().await;
    assert_eq!(room.fetch(DESK, "H26.1", done.digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_download_goes_on_from_an_offset() {
    let room = Room::new();
    let bytes = paper(2 * CHUNK);
    let digest = room.send(DESK, &bytes).await.unwrap().digest;
    let at = |offset, bytes_max| {
        let (room, now) = (&room, Timestamp::now());
        async move {
            let agency = named("H26.1");
            let opened = room
                .documents
                .download(DESK, &agency, digest, offset, bytes_max, now)
                .await;
            let mut download = opened?;
            download.next().await
        }
    };
    let middle = CHUNK as u64 + 5;
    let (offset, data) = at(middle, u64::MAX).await.unwrap().unwrap();
    assert_eq!((offset, &data[..]), (middle, &bytes[CHUNK + 5..]));
    let (_, data) = at(3, 7).await.unwrap().unwrap();
    assert_eq!(data, bytes[3..10]);
    assert_eq!(at(bytes.len() as u64, 9).await.unwrap(), None);
    assert!(matches!(
        at(bytes.len() as u64 + 1, 9).await,
        Err(Refusal::Field { .. })
    ));
}

#[tokio::test]
async fn bytes_with_another_digest_leave_nothing() {
    let room = Room::new();
    let (announced, sent) = (paper(CHUNK * 2), vec![9; CHUNK * 2]);
    let mut upload = room
        .documents
        .upload(DESK, header(&announced, 0))
        .await
        .unwrap();
    push(&mut upload, &sent, 0, sent.len()).await.unwrap();
    assert!(matches!(upload.finish().await, Err(Refusal::Digest)));
    assert_eq!(room.files(), 0);
    assert_eq!(room.stat(DESK, &announced), (0, false));
    assert!(room.send(DESK, &announced).await.is_ok());
}

#[tokio::test]
async fn more_bytes_than_announced_leave_nothing() {
    let room = Room::new();
    let bytes = paper(CHUNK);
    let mut upload = room
        .documents
        .upload(DESK, header(&bytes, 0))
        .await
        .unwrap();
    push(&mut upload, &bytes, 0, CHUNK).await.unwrap();
    let more = upload.push(CHUNK as u64, Bytes::from_static(b"x")).await;
    assert!(matches!(more, Err(Refusal::TooLong { .. })));
    assert_eq!(room.files(), 0);
    assert_eq!(room.stat(DESK, &bytes), (0, false));
}

#[tokio::test]
async fn empty_and_too_large_documents_are_refused_by_field() {
    let room = Room::with(DocumentsConfig {
        document_bytes_max: 1000,
        ..Default::default()
    });
    for size in [0, 1001] {
        let refused = room.send(DESK, &paper(size)).await.unwrap_err();
        assert!(
            matches!(
                refused,
                Refusal::Field {
                    field: "header.size_bytes",
                    ..
                }
            ),
            "{refused}"
        );
    }
    let bytes = paper(1000);
    let mut upload = room
        .documents
        .upload(DESK, header(&bytes, 0))
        .await
        .unwrap();
    for data in [Bytes::new(), Bytes::from(vec![0; CHUNK + 1])] {
        let refused = upload.push(0, data).await;
        assert!(matches!(
            refused,
            Err(Refusal::Field {
                field: "chunk.data",
                ..
            })
        ));
    }
    drop(upload);
    assert!(room.send(DESK, &bytes).await.is_ok());
}

#[tokio::test]
async fn a_chunk_out_of_order_is_refused_and_the_upload_goes_on() {
    let room = Room::new();
    let bytes = paper(3 * CHUNK);
    let mut upload = room
        .documents
        .upload(DESK, header(&bytes, 0))
        .await
        .unwrap();
    push(&mut upload, &bytes, 0, CHUNK).await.unwrap();
    let skipped = upload
        .push(2 * CHUNK as u64, Bytes::from_static(b"x"))
        .await;
    assert!(
        matches!(skipped, Err(Refusal::OutOfOrder { received_bytes }) if received_bytes == CHUNK as u64)
    );
    assert!(matches!(upload.finish().await, Err(Refusal::Cut { .. })));

    let wrong = room.send_from(DESK, &bytes, 5).await;
    assert!(
        matches!(wrong, Err(Refusal::OutOfOrder { received_bytes }) if received_bytes == CHUNK as u64)
    );
    assert!(room.send_from(DESK, &bytes, CHUNK).await.is_ok());
}

#[tokio::test]
async fn a_cut_upload_cannot_be_read_and_goes_on_where_it_broke() {
    let room = Room::new();
    let bytes = paper(4 * CHUNK + 3);
    room.send_part(DESK, &bytes, 2 * CHUNK).await;
    assert_eq!(room.stat(DESK, &bytes), (2 * CHUNK as u64, false));
    let read = room.fetch(DESK, "H26.1", Digest::of(&bytes)).await;
    assert!(matches!(read, Err(Refusal::NotYours)));
    let done = room.send_from(DESK, &bytes, 2 * CHUNK).await.unwrap();
    assert_eq!(room.fetch(DESK, "H26.1", done.digest).await.unwrap(), bytes);
    assert_eq!(room.files(), 1);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let room = Room::new();
    let bytes = paper(4 * CHUNK + 3);
    room.send_part(DESK, &bytes, 3 * CHUNK).await;
    let room = room.reopened().await;
    assert_eq!(room.stat(DESK, &bytes), (3 * CHUNK as u64, false));
    let done = room.send_from(DESK, &bytes, 3 * CHUNK).await.unwrap();
    assert_eq!(room.fetch(DESK, "H26.1", done.digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn an_upload_whose_call_vanished_goes_on() {
    let room = Room::new();
    let bytes = paper(5 * CHUNK);
    let mut upload = room
        .documents
        .upload(DESK, header(&bytes, 0))
        .await
        .unwrap();
    push(&mut upload, &bytes, 0, CHUNK).await.unwrap();
    drop(upload);
    // The write that was under way ends by itself, and then the upload is put aside.
    let done = loop {
        let (received, _) = room.stat(DESK, &bytes);
        match room.send_from(DESK, &bytes, received as usize).await {
            Err(Refusal::Busy | Refusal::OutOfOrder { .. }) => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert_eq!(room.fetch(DESK, "H26.1", done.digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn an_upload_from_the_beginning_begins_anew() {
    let room = Room::new();
    let bytes = paper(3 * CHUNK);
    room.send_part(DESK, &bytes, 2 * CHUNK).await;
    assert!(room.send(DESK, &bytes).await.is_ok());
}

#[tokio::test]
async fn one_call_at_a_time_uploads_a_document() {
    let room = Room::new();
    let bytes = paper(10);
    let first = room
        .documents
        .upload(DESK, header(&bytes, 0))
        .await
        .unwrap();
    assert!(matches!(room.send(DESK, &bytes).await, Err(Refusal::Busy)));
    assert!(room.send(POLICE, &bytes).await.is_ok());
    drop(first);
    assert!(room.send(DESK, &bytes).await.is_ok());
}

#[tokio::test]
async fn a_digest_is_no_key_to_the_papers_of_others() {
    let mut room = Room::new();
    let bytes = paper(1000);
    let digest = room.send(DESK, &bytes).await.unwrap().digest;
    assert_eq!(room.stat(POLICE, &bytes), (0, false));
    for unknown in [digest, Digest::of(b"nothing")] {
        let refused = room.fetch(POLICE, "H26.2", unknown).await;
        assert!(matches!(refused, Err(Refusal::NotYours)));
    }
    room.name(&bytes, "H26.2");
    assert_eq!(room.fetch(POLICE, "H26.2", digest).await.unwrap(), bytes);
    assert!(matches!(
        room.fetch(POLICE, "H26.3", digest).await,
        Err(Refusal::NotYours)
    ));
}

#[tokio::test]
async fn only_who_sent_a_document_or_was_given_it_in_the_dossier_may_name_it() {
    let mut room = Room::new();
    let bytes = paper(1000);
    let digest = room.send(DESK, &bytes).await.unwrap().digest;
    room.name(&bytes, "H26.2");
    let now = Timestamp::now();
    let check = |system, agency: &str, dossier, size| {
        let agency = named(agency);
        room.documents
            .check_named(system, &agency, &dossier, &digest, size, now)
            .is_ok()
    };
    assert!(check(DESK, "H26.1", id(7), 1000));
    assert!(!check(DESK, "H26.1", id(7), 999));
    assert!(check(POLICE, "H26.2", id(1), 1000));
    assert!(!check(POLICE, "H26.2", id(1), 999));
    assert!(!check(POLICE, "H26.2", id(2), 1000));
    assert!(!check(POLICE, "H26.3", id(1), 1000));
}

#[tokio::test]
async fn the_same_bytes_of_two_systems_are_stored_once() {
    let room = Room::new();
    let bytes = paper(2 * CHUNK);
    let digest = room.send(DESK, &bytes).await.unwrap().digest;
    room.send(POLICE, &bytes).await.unwrap();
    assert_eq!(room.files(), 1);
    assert_eq!(room.stat(POLICE, &bytes), (bytes.len() as u64, true));
    assert_eq!(room.fetch(POLICE, "H26.2", digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn what_nobody_finishes_or_names_expires() {
    let mut room = Room::new();
    let (unnamed, kept, cut) = (paper(100), paper(200), paper(300));
    room.send(DESK, &unnamed).await.unwrap();
    room.send(DESK, &kept).await.unwrap();
    room.send_part(DESK, &cut, 150).await;
    room.name(&kept, "H26.2");

    let early = room.documents.sweep(in_hours(23)).await.unwrap();
    assert_eq!(early, Swept::default());
    assert_eq!(room.files(), 3);

    let late = room.documents.sweep(in_hours(25)).await.unwrap();
    assert_eq!(
        late,
        Swept {
            uploads: 1,
            documents: 1,
            more: false
        }
    );
    assert_eq!(room.files(), 1);
    assert_eq!(room.stat(DESK, &unnamed), (0, false));
    assert_eq!(room.stat(DESK, &cut), (0, false));
    assert_eq!(
        room.fetch(POLICE, "H26.2", Digest::of(&kept))
            .await
            .unwrap(),
        kept
    );
    assert!(room.send(DESK, &unnamed).await.is_ok());
}

#[tokio::test]
async fn a_document_that_is_just_being_named_is_not_swept_away() {
    let mut room = Room::new();
    let bytes = paper(100);
    let digest = room.send(DESK, &bytes).await.unwrap().digest;
    let now = Timestamp::now();
    let pin = room
        .documents
        .check_named(DESK, &named("H26.1"), &id(1), &digest, 100, now)
        .unwrap();
    assert_eq!(
        room.documents.sweep(in_hours(25)).await.unwrap().documents,
        0
    );
    room.name(&bytes, "H26.1");
    drop(pin);
    assert_eq!(
        room.documents.sweep(in_hours(25)).await.unwrap().documents,
        0
    );
    assert_eq!(room.fetch(DESK, "H26.1", digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_document_that_another_system_may_still_name_stays() {
    let room = Room::new();
    let bytes = paper(100);
    let first = room.send(DESK, &bytes).await.unwrap().expires_at;
    // Instants are kept in milliseconds, and two uploads may fall into one.
    while room
        .send(POLICE, &bytes)
        .await
        .unwrap()
        .expires_at
        .as_millisecond()
        == first.as_millisecond()
    {}
    assert_eq!(room.documents.sweep(first).await.unwrap().documents, 0);
    assert_eq!(
        room.documents.sweep(in_hours(25)).await.unwrap().documents,
        1
    );
}

#[tokio::test]
async fn a_file_without_a_row_is_taken_away() {
    let room = Room::new();
    let bytes = paper(100);
    room.send(DESK, &bytes).await.unwrap();
    let stray = Digest::of(b"stray");
    let path = room.documents.inner.path_of(&stray);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"stray").unwrap();
    assert_eq!(room.documents.sweep_strays().await.unwrap(), 1);
    assert_eq!(room.files(), 1);
}

#[tokio::test]
async fn uploads_stop_before_the_disk_is_full() {
    let config = DocumentsConfig {
        disk_reserve_bytes: u64::MAX / 2,
        ..Default::default()
    };
    let room = Room::with(config);
    assert!(matches!(
        room.send(DESK, &paper(10)).await,
        Err(Refusal::StorageLow)
    ));
    assert_eq!(room.files(), 0);
}

#[tokio::test]
async fn one_system_does_not_take_the_place_of_others() {
    let config = DocumentsConfig {
        uploads_per_system_max: 1,
        uploads_max: 2,
        unnamed_bytes_per_system_max: 1000,
        parts_per_system_max: 1,
        ..Default::default()
    };
    let mut room = Room::with(config);
    let limit = |refused: Result<Complete, Refusal>| match refused {
        Err(Refusal::Limit { limit, .. }) => limit,
        other => panic!("{other:?}"),
    };
    let one = room
        .documents
        .upload(DESK, header(&paper(1), 0))
        .await
        .unwrap();
    assert_eq!(
        limit(room.send(DESK, &paper(2)).await),
        "uploads_per_system_max"
    );
    let two = room
        .documents
        .upload(POLICE, header(&paper(1), 0))
        .await
        .unwrap();
    assert_eq!(limit(room.send("another", &paper(2)).await), "uploads_max");
    drop((one, two));
    room.send_part(DESK, &paper(3), 1).await;
    assert_eq!(
        limit(room.send(DESK, &paper(2)).await),
        "parts_per_system_max"
    );
    room.send_from(DESK, &paper(3), 1).await.unwrap();

    room.send(DESK, &paper(600)).await.unwrap();
    let more = paper(601);
    assert_eq!(
        limit(room.send(DESK, &more).await),
        "unnamed_bytes_per_system_max"
    );
    assert!(room.send(POLICE, &more).await.is_ok());
    room.name(&paper(600), "H26.1");
    assert!(
        room.send(DESK, &more).await.is_ok(),
        "what is named no longer counts"
    );
}

#[tokio::test]
async fn downloads_are_counted() {
    let room = Room::with(DocumentsConfig {
        downloads_per_system_max: 1,
        ..Default::default()
    });
    let bytes = paper(10);
    let digest = room.send(DESK, &bytes).await.unwrap().digest;
    let (agency, now) = (named("H26.1"), Timestamp::now());
    let first = room
        .documents
        .download(DESK, &agency, digest, 0, 1, now)
        .await
        .unwrap();
    assert!(matches!(
        room.fetch(DESK, "H26.1", digest).await,
        Err(Refusal::Limit { .. })
    ));
    drop(first);
    assert!(room.fetch(DESK, "H26.1", digest).await.is_ok());
}

#[tokio::test]
async fn what_an_erased_dossier_left_behind_is_swept_also_after_a_new_start() {
    let mut room = Room::new();
    let (erased, kept, claimed) = (paper(100), paper(200), paper(300));
    room.send(DESK, &erased).await.unwrap();
    room.send(DESK, &kept).await.unwrap();
    room.name(&erased, "H26.2");
    // Named by dossiers: the claims go, and the documents stay.
    room.name_in(2, &kept, "H26.2");
    room.documents.sweep(in_hours(25)).await.unwrap();
    room.send(DESK, &claimed).await.unwrap();
    let now = Timestamp::now();
    assert_eq!(room.documents.sweep_unclaimed(now).await.unwrap(), 0);

    // The erasure is kept, and whoever was to let its documents go is no more.
    room.store = MemoryStore::new();
    room.name_in(2, &kept, "H26.2");
    let room = room.reopened().await;
    assert_eq!(
        room.documents.sweep(in_hours(1)).await.unwrap().documents,
        0
    );
    assert_eq!(room.documents.sweep_unclaimed(now).await.unwrap(), 1);
    assert_eq!(room.files(), 2);
    assert_eq!(room.stat(DESK, &erased), (0, false));
    let fetched = room.fetch(POLICE, "H26.2", Digest::of(&kept)).await;
    assert_eq!(fetched.unwrap(), kept);
    assert!(room.stat(DESK, &claimed).1);
}

#[tokio::test]
async fn a_document_whose_file_does_not_go_holds_up_no_other() {
    let room = Room::new();
    let papers = [paper(100), paper(200)];
    for paper in &papers {
        room.send(DESK, paper).await.unwrap();
    }
    let digests: Vec<Digest> = papers.iter().map(|paper| Digest::of(paper)).collect();
    // A folder with something in it is no file that can be removed.
    let stuck = room.documents.inner.path_of(&digests[0]);
    fs::remove_file(&stuck).unwrap();
    fs::create_dir_all(stuck.join("inside")).unwrap();

    let gone = room.documents.let_go(digests, in_hours(25)).await;
    assert!(matches!(gone, Err(Refusal::Disk(_))), "{gone:?}");
    assert_eq!(room.stat(DESK, &papers[1]), (0, false));
}
