//! Several things in one row: the records of a change, and what is personal beside them. The shapes are
//! Protobuf, so that they can be read without this program.

use crate::{
    records::{Beside, Stored},
    store::NoticeRow,
};
use prost::{
    Message,
    encoding::{encode_varint, encoded_len_varint},
};
use rusqlite::types::Type;

/// How many notices one change may have, as a power of two.
const NOTICE_BITS: u32 = 16;
/// Notices that one change may have.
pub(super) const NOTICES_MAX: usize = 1 << NOTICE_BITS;

/// The records of one change, each verbatim.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Records {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) records: Vec<Vec<u8>>,
}

/// What is personal of one change.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Personal {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Values>,
    #[prost(message, repeated, tag = "2")]
    pub(super) told: Vec<Told>,
}

/// The personal values of one record.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Values {
    /// Which one of the row, from 0.
    #[prost(uint32, tag = "1")]
    pub(super) record: u32,
    #[prost(bytes = "vec", tag = "2")]
    salt: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    bytes: Vec<u8>,
}

/// Something that desks are told.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Told {
    /// Their words.
    #[prost(uint32, repeated, tag = "1")]
    pub(super) desks: Vec<u32>,
    /// The notice, as the contract encodes it.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) notice: Vec<u8>,
}

impl Values {
    /// The values with their salt; none where the salt is damaged, as where they were erased.
    pub(super) fn into_beside(self) -> Option<Beside> {
        Some(Beside {
            salt: self.salt.try_into().ok()?,
            bytes: self.bytes,
        })
    }
}

/// Where the notice of this place stands among all, of the change whose last record stands here.
pub(super) fn notice_position(change: i64, place: usize) -> u64 {
    (change.cast_unsigned() << NOTICE_BITS) | (place as u64)
}

/// The change that has the notice at this position.
pub(super) fn change_of_notice(position: u64) -> i64 {
    (position >> NOTICE_BITS).cast_signed()
}

/// The row of a change's records.
pub(super) fn encode_records(records: &[Stored]) -> Vec<u8> {
    let mut row = Vec::with_capacity(records.iter().map(|one| one.bytes.len() + 8).sum());
    for record in records {
        put(&mut row, 1, &record.bytes);
    }
    row
}

/// The row of what is personal of a change; none where nothing is. `desks` are the words of the notices'
/// desks.
pub(super) fn encode_personal(
    records: &[Stored],
    notices: &[NoticeRow],
    desks: &[u32],
) -> Option<Vec<u8>> {
    let values = records.iter().enumerate();
    let values = values.filter_map(|(at, record)| Some((at, record.personal.as_ref()?)));
    let bytes = values.clone().map(|(_, beside)| beside.bytes.len() + 40);
    let notice_bytes = notices.iter().map(|notice| notice.bytes.len() + 24);
    let mut row = Vec::with_capacity(bytes.chain(notice_bytes).sum());
    for (at, beside) in values {
        let Beside { salt, bytes } = beside;
        let field = |bytes: usize| 1 + encoded_len_varint(bytes as u64) + bytes;
        let place = encoded_len_varint(at as u64);
        open(
            &mut row,
            1,
            1 + place + field(salt.len()) + field(bytes.len()),
        );
        row.push(1 << 3);
        encode_varint(at as u64, &mut row);
        put(&mut row, 2, salt);
        put(&mut row, 3, bytes);
    }
    let mut at = 0;
    while let Some(notice) = notices.get(at) {
        // Desks are mostly told the same thing, one after the other; one desk twice is told it twice.
        let same = notices[at..].iter().zip(&desks[at..]).enumerate();
        let same = same.take_while(|(n, (one, desk))| {
            one.bytes == notice.bytes && !desks[at..at + n].contains(desk)
        });
        let desks = &desks[at..at + same.count()];
        let words: usize = desks
            .iter()
            .map(|word| encoded_len_varint(u64::from(*word)))
            .sum();
        let field = |bytes: usize| 1 + encoded_len_varint(bytes as u64) + bytes;
        open(&mut row, 2, field(words) + field(notice.bytes.len()));
        open(&mut row, 1, words);
        for word in desks {
            encode_varint((*word).into(), &mut row);
        }
        put(&mut row, 2, &notice.bytes);
        at += desks.len();
    }
    (!row.is_empty()).then_some(row)
}

/// Reads a row back.
pub(super) fn decode<T: Message + Default>(row: &[u8]) -> rusqlite::Result<T> {
    T::decode(row)
        .map_err(|bad| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(bad)))
}

/// Begins a field of so many bytes.
fn open(row: &mut Vec<u8>, field: u8, bytes: usize) {
    row.push((field << 3) | 2);
    encode_varint(bytes as u64, row);
}

fn put(row: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    open(row, field, bytes.len());
    row.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use dossier::name::Digest;

    fn record(bytes: &[u8], personal: Option<&[u8]>) -> Stored {
        Stored {
            sequence: 1,
            previous_hash: None,
            hash: Digest([0; 32]),
            bytes: bytes.to_vec(),
            personal: personal.map(|bytes| Beside {
                salt: [7; 16],
                bytes: bytes.to_vec(),
            }),
        }
    }

    fn notice(desk: &str, bytes: &[u8]) -> NoticeRow {
        NoticeRow {
            desk: desk.parse().unwrap(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let long = vec![9; 70_000];
        let records = [
            record(b"one", None),
            record(&long, Some(&long)),
            record(b"", Some(b"")),
        ];
        let kept: Records = decode(&encode_records(&records)).unwrap();
        assert_eq!(kept.records, [b"one".to_vec(), long.clone(), Vec::new()]);

        let notices = [
            notice("H26.1", b"same"),
            notice("H26.2", b"same"),
            notice("H26.1", &long),
            notice("H26.1", &long),
            notice("H26.1", b""),
        ];
        let row = encode_personal(&records, &notices, &[1, 300, 1, 1, 1]).unwrap();
        let personal: Personal = decode(&row).unwrap();
        let values: Vec<_> = personal
            .values
            .into_iter()
            .map(|one| (one.record, one.into_beside()))
            .collect();
        assert_eq!(
            values,
            [
                (1, records[1].personal.clone()),
                (2, records[2].personal.clone())
            ]
        );
        let told: Vec<_> = personal
            .told
            .into_iter()
            .map(|one| (one.desks, one.notice))
            .collect();
        let both = (vec![1, 300], b"same".to_vec());
        let again = (vec![1], long);
        assert_eq!(told, [both, again.clone(), again, (vec![1], Vec::new())]);
    }

    #[test]
    fn a_change_without_anything_personal_has_no_row() {
        assert_eq!(encode_personal(&[record(b"one", None)], &[], &[]), None);
    }

    #[test]
    fn a_notice_finds_its_change() {
        for (change, place) in [(1, 0), (7, NOTICES_MAX - 1), (i64::from(u32::MAX), 3)] {
            assert_eq!(change_of_notice(notice_position(change, place)), change);
        }
        assert!(notice_position(7, NOTICES_MAX - 1) < notice_position(8, 0));
    }
}
