//! The ten national statuses and their order.

use dossier::national::{NationalStatus, ReportBucket};
use std::collections::BTreeSet;

fn status(code: u8) -> NationalStatus {
    NationalStatus::from_code(code).unwrap()
}

#[test]
fn the_ten_statuses_have_the_national_numbers_and_words() {
    let table = [
        (1, "NEWLY_REGISTERED", "Mới đăng ký"),
        (2, "RECEIVED", "Được tiếp nhận"),
        (3, "NOT_ACCEPTED", "Không được tiếp nhận"),
        (4, "IN_PROCESS", "Đang xử lý"),
        (5, "SUPPLEMENT_REQUIRED", "Yêu cầu bổ sung giấy tờ"),
        (
            6,
            "FINANCIAL_OBLIGATION_REQUIRED",
            "Yêu cầu thực hiện nghĩa vụ tài chính",
        ),
        (7, "WITHDRAWN_BY_CITIZEN", "Công dân yêu cầu rút hồ sơ"),
        (8, "STOPPED", "Dừng xử lý"),
        (9, "PROCESSED", "Đã xử lý xong"),
        (10, "RESULT_RETURNED", "Đã trả kết quả"),
    ];
    let said = NationalStatus::ALL.map(|one| (one.code(), one.identifier(), one.vi()));
    assert_eq!(said, table);
    for one in NationalStatus::ALL {
        assert_eq!(NationalStatus::from_code(one.code()), Some(one));
        assert_eq!(NationalStatus::from_identifier(one.identifier()), Some(one));
        assert_eq!(one.to_string(), one.identifier());
    }
    assert_eq!(NationalStatus::from_code(0), None);
    assert_eq!(NationalStatus::from_code(11), None);
    assert_eq!(NationalStatus::from_identifier("received"), None);
}

#[test]
fn only_these_transitions_are_legal() {
    let legal: BTreeSet<(u8, u8)> = [
        (1, 2),
        (1, 3),
        (1, 5),
        (1, 7),
        (2, 4),
        (2, 7),
        (4, 5),
        (4, 6),
        (4, 7),
        (4, 8),
        (4, 9),
        (5, 2),
        (5, 3),
        (5, 4),
        (5, 7),
        (5, 8),
        (6, 4),
        (6, 7),
        (6, 8),
        (8, 4),
        (9, 10),
    ]
    .into();
    for from in 1..=10 {
        for to in 1..=10 {
            assert_eq!(
                NationalStatus::may_follow(status(from), status(to)),
                legal.contains(&(from, to)),
                "{from} to {to}"
            );
        }
    }
}

#[test]
fn nothing_comes_after_a_terminal_status_and_every_other_leads_to_one() {
    for one in NationalStatus::ALL {
        assert_eq!(one.is_terminal(), one.successors().is_empty(), "{one}");
        let mut reached = BTreeSet::from([one]);
        while let Some(next) = reached
            .iter()
            .flat_map(|from| from.successors())
            .find(|next| !reached.contains(next))
        {
            reached.insert(*next);
        }
        assert!(reached.iter().any(|end| end.is_terminal()), "{one}");
    }
}

#[test]
fn every_status_can_be_reached_from_filing() {
    for one in NationalStatus::ALL.into_iter().skip(1) {
        let before = NationalStatus::ALL
            .into_iter()
            .any(|from| NationalStatus::may_follow(from, one));
        assert!(before, "{one}");
    }
}

#[test]
fn reports_count_the_paused_and_the_handled() {
    let of = |bucket| -> Vec<u8> {
        NationalStatus::ALL
            .into_iter()
            .filter(|one| one.bucket() == Some(bucket))
            .map(NationalStatus::code)
            .collect()
    };
    assert_eq!(of(ReportBucket::Paused), [5, 6, 8]);
    assert_eq!(of(ReportBucket::Handled), [7, 9, 10]);
}
