//! Every kind of event goes into bytes and comes back.

use super::*;
use dossier::{
    Event,
    department_notice::DepartmentNotice,
    event::{
        Assignment, Cause, Channel, Deadline, LookUpOutcome, PartEnd, PauseWhy, RecallWhy,
        Received, Reception, Versions, Windows,
    },
    evidence::{Document, Given, NewVersion, Source},
    limit::{Limit, Unit},
    name::{AgencyCode, EvidenceName, PartId, StepId},
    party::{CivilDate, Identifier, Officer, Party, PartyKind, PartyRole, Scheme},
    procedure::Actor,
    supplement::{Approval, Denial, Item, SupplementStage},
};
use jiff::Timestamp;
use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
    sample::select,
};
use std::collections::BTreeMap;

const SALT: Salt = [7; 16];

fn id() -> DossierId {
    DossierId([9; 16])
}

fn name<T: for<'t> TryFrom<&'t str, Error = BadName> + std::fmt::Debug>(
    shape: &'static str,
) -> impl Strategy<Value = T> {
    proptest::string::string_regex(shape)
        .unwrap()
        .prop_map(|text| T::try_from(&text).unwrap())
}

fn step() -> impl Strategy<Value = StepId> {
    name("[a-z][a-z0-9_]{0,8}")
}

fn agency() -> impl Strategy<Value = AgencyCode> {
    name("H[0-9]{2}(\\.[0-9]{1,3}){0,2}")
}

fn evidence_name() -> impl Strategy<Value = EvidenceName> {
    name("[a-z][a-z0-9_]{0,8}")
}

fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zà-ỹ0-9 ]{0,12}").unwrap()
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (-1_000_000_000_i64..4_000_000_000, 0..1_000_000_000_i32).prop_map(|(second, nano)| {
        Timestamp::new(second, 0).unwrap() + jiff::SignedDuration::from_nanos(nano.into())
    })
}

fn officer() -> impl Strategy<Value = Officer> {
    (text(), text(), text()).prop_map(|(name, title, office)| Officer {
        name,
        title,
        office,
    })
}

fn versions() -> impl Strategy<Value = Versions> {
    btree_map(evidence_name(), 1..9_u32, 0..4)
}

fn document() -> impl Strategy<Value = Document> {
    (digest(), 1..u64::MAX, text(), text()).prop_map(
        |(digest, size_bytes, media_type, file_name)| Document {
            digest,
            size_bytes,
            media_type,
            file_name,
        },
    )
}

/// Versions of evidence, each name once.
fn evidence() -> impl Strategy<Value = Vec<NewVersion>> {
    let given = (
        text(),
        vec(any::<u8>(), 0..40),
        vec(document(), 0..3),
        option::of(name("[a-z][a-z0-9_]{0,8}")),
    );
    let version = (1..9_u32, digest(), select(Source::ALL.to_vec()), given);
    btree_map(evidence_name(), version, 0..3).prop_map(|all| {
        all.into_iter()
            .map(|(name, (version, digest, source, given))| {
                let (schema_id, data, documents, subject) = given;
                let data = data.into();
                let given = Given {
                    name,
                    schema_id,
                    data,
                    documents,
                    subject,
                };
                NewVersion {
                    version,
                    digest,
                    source,
                    given,
                }
            })
            .collect()
    })
}

fn party() -> impl Strategy<Value = Party> {
    let born = (1..2100_i16, 0..13_i8, 0..32_i8).prop_map(|(year, month, day)| CivilDate {
        year,
        month,
        day,
    });
    (
        name("[a-z][a-z0-9_]{0,8}"),
        btree_set(select(PartyRole::ALL.to_vec()), 0..3),
        select(PartyKind::ALL.to_vec()),
        vec((select(Scheme::ALL.to_vec()), text()), 0..3),
        option::of(born),
        (text(), text(), text(), text()),
        option::of(name("[a-z][a-z0-9_]{0,8}")),
    )
        .prop_map(
            |(id, roles, kind, identifiers, born_on, texts, represents)| {
                let (name, address, phone, email) = texts;
                let identifiers = identifiers
                    .into_iter()
                    .map(|(scheme, value)| Identifier { scheme, value })
                    .collect();
                Party {
                    id,
                    roles,
                    kind,
                    name,
                    identifiers,
                    born_on,
                    address,
                    phone,
                    email,
                    represents,
                }
            },
        )
}

fn deadline() -> impl Strategy<Value = Deadline> {
    (instant(), instant()).prop_map(|(due_at, warn_at)| Deadline { due_at, warn_at })
}

fn part() -> impl Strategy<Value = PartId> {
    name("[a-z]{1,8}")
}

fn parts() -> impl Strategy<Value = BTreeMap<PartId, Deadline>> {
    btree_map(part(), deadline(), 0..4)
}

fn steps() -> impl Strategy<Value = BTreeMap<StepId, Deadline>> {
    btree_map(step(), deadline(), 0..4)
}

fn limit() -> impl Strategy<Value = Limit> {
    let unit = select(vec![
        Unit::WorkingDay,
        Unit::WorkingHour,
        Unit::CalendarDay,
        Unit::ElapsedHour,
    ]);
    (1..99_u32, unit).prop_map(|(amount, unit)| Limit { amount, unit })
}

fn windows() -> impl Strategy<Value = Windows> {
    let supplements = btree_map(1..9_u32, instant(), 0..3);
    let payments = btree_map(name("[!-~]{1,20}"), instant(), 0..3);
    (supplements, payments).prop_map(|(supplements, payments)| Windows {
        supplements,
        payments,
    })
}

fn assignments() -> impl Strategy<Value = BTreeMap<StepId, Assignment>> {
    let actor = select(vec![Actor::Department, Actor::Desk, Actor::Citizen]);
    let assignment =
        (agency(), part(), actor, instant()).prop_map(|(agency, part, actor, planned_at)| {
            Assignment {
                agency,
                part,
                actor,
                planned_at,
            }
        });
    btree_map(step(), assignment, 0..4)
}

fn vault_uses() -> impl Strategy<Value = BTreeMap<EvidenceName, String>> {
    btree_map(evidence_name(), text(), 0..3)
}

/// A reception, or a filing.
fn received() -> impl Strategy<Value = Event> {
    (
        (
            name("[A-Z0-9.-]{8,20}"),
            name("[a-z]{1,8}"),
            digest(),
            digest(),
            digest(),
            agency(),
            agency(),
        ),
        (
            name("[A-Z0-9_]{1,8}"),
            select(Channel::ALL.to_vec()),
            option::of(instant()),
            option::of(instant()),
            option::of(instant()),
        ),
        (parts(), btree_set(text(), 0..3)),
        assignments(),
        vec(party(), 0..3),
        (evidence(), vault_uses()),
        (
            instant(),
            name("[!-~]{1,20}"),
            option::of(name("[a-z]{1,8}")),
            officer(),
            any::<bool>(),
        ),
    )
        .prop_map(
            |(names, place, (parts, asked), assignments, parties, (evidence, reused), end)| {
                let (
                    code,
                    procedure,
                    procedure_digest,
                    directory_digest,
                    calendar_digest,
                    desk,
                    hand_out_desk,
                ) = names;
                let (territory, channel, arrived_at, filed_at, received_at) = place;
                let (promised_at, submit_key, filed_by, officer, is_filed) = end;
                let received = Box::new(Received {
                    code,
                    procedure,
                    procedure_digest,
                    directory_digest,
                    calendar_digest,
                    desk,
                    hand_out_desk,
                    territory,
                    channel,
                    arrived_at,
                    filed_at,
                    received_at,
                    parts,
                    asked,
                    assignments,
                    parties,
                    evidence,
                    reused,
                    promised_at,
                    submit_key,
                    filed_by,
                    officer,
                });
                match is_filed {
                    true => Event::Filed(received),
                    false => Event::Received(received),
                }
            },
        )
}

fn reception() -> impl Strategy<Value = Event> {
    (
        (digest(), digest(), digest()),
        parts(),
        assignments(),
        (instant(), option::of(instant()), officer()),
    )
        .prop_map(
            |(digests, parts, assignments, (promised_at, received_at, officer))| {
                let (procedure_digest, directory_digest, calendar_digest) = digests;
                Event::Accepted(Box::new(Reception {
                    procedure_digest,
                    directory_digest,
                    calendar_digest,
                    parts,
                    assignments,
                    promised_at,
                    received_at,
                    officer,
                }))
            },
        )
}

fn item() -> impl Strategy<Value = Item> {
    let approval = (officer(), text()).prop_map(|(approver, legal_basis)| Approval {
        approver,
        legal_basis,
    });
    (evidence_name(), text(), text(), option::of(approval)).prop_map(
        |(evidence, reason, legal_basis, approval)| Item {
            evidence,
            reason,
            legal_basis,
            approval,
        },
    )
}

fn denial() -> impl Strategy<Value = Denial> {
    prop_oneof![
        Just(Denial::NotInProcedure),
        agency().prop_map(Denial::InDossier),
        text().prop_map(Denial::InVault),
        agency().prop_map(Denial::NotLookedUp),
        agency().prop_map(Denial::LookUpOpen),
        step().prop_map(Denial::ComesFromStep),
        agency().prop_map(Denial::NeedsApproval),
    ]
}

fn stage() -> impl Strategy<Value = SupplementStage> {
    prop_oneof![
        Just(SupplementStage::Intake),
        Just(SupplementStage::LookUp),
        step().prop_map(SupplementStage::Appraisal),
    ]
}

/// Errands: look-ups, consultations and slips.
fn errands() -> impl Strategy<Value = Event> {
    let of = || (step(), 1..9_u32, officer(), text());
    prop_oneof![
        btree_map(step(), agency(), 0..4).prop_map(|to| Event::SlipsDue { to }),
        (step(), evidence_name(), part(), agency(), deadline()).prop_map(
            |(step, evidence, part, agency, deadline)| Event::LookUpDue {
                step,
                evidence,
                part,
                agency,
                deadline
            }
        ),
        (
            of(),
            evidence_name(),
            select(LookUpOutcome::ALL.to_vec()),
            evidence()
        )
            .prop_map(|((step, round, officer, note), evidence, outcome, given)| {
                Event::LookedUp {
                    step,
                    round,
                    evidence,
                    outcome,
                    given,
                    note,
                    officer,
                }
            }),
        step().prop_map(|step| Event::AskedAgain { step }),
        (
            of(),
            (step(), agency()),
            versions(),
            option::of(limit()),
            deadline()
        )
            .prop_map(
                |(
                    (step, round, officer, question),
                    (consultation, agency),
                    inputs,
                    limit,
                    deadline,
                )| {
                    Event::Consulted {
                        step,
                        round,
                        consultation,
                        agency,
                        question,
                        inputs,
                        limit,
                        deadline,
                        officer,
                    }
                }
            ),
        of().prop_map(|(step, round, officer, opinion)| Event::Opined {
            step,
            round,
            opinion,
            officer
        }),
    ]
}

/// The citizen's side, through the desk.
fn citizens() -> impl Strategy<Value = Event> {
    let by = option::of((step(), 1..9_u32));
    prop_oneof![
        (text(), text(), officer()).prop_map(|(reason, legal_basis, officer)| {
            Event::NotAccepted {
                reason,
                legal_basis,
                officer,
            }
        }),
        (evidence(), vault_uses()).prop_map(|(evidence, from)| Event::Reused { evidence, from }),
        (
            (1..9_u32, stage(), by, agency()),
            vec(item(), 0..3),
            instant(),
            officer()
        )
            .prop_map(|((number, stage, by, agency), items, due_at, officer)| {
                Event::SupplementAsked {
                    number,
                    stage,
                    by,
                    agency,
                    items,
                    due_at,
                    officer,
                }
            }),
        (1..9_u32, evidence(), officer()).prop_map(|(number, evidence, officer)| {
            Event::SupplementAnswered {
                number,
                evidence,
                officer,
            }
        }),
        (1..9_u32).prop_map(|number| Event::SupplementExpired { number }),
        (
            option::of(step()),
            agency(),
            btree_map(evidence_name(), denial(), 0..4)
        )
            .prop_map(|(step, agency, denials)| Event::SupplementDenied {
                step,
                agency,
                denials
            }),
        (evidence(), officer())
            .prop_map(|(evidence, officer)| Event::EvidenceGiven { evidence, officer }),
        (evidence_name(), name("[a-z]{1,8}"), text(), officer()).prop_map(
            |(evidence, party, reason, officer)| Event::ConsentRefused {
                evidence,
                party,
                reason,
                officer
            }
        ),
        (
            (step(), 1..9_u32, name("[!-~]{1,20}")),
            any::<i64>(),
            text(),
            text(),
            (option::of(instant()), officer())
        )
            .prop_map(
                |(
                    (step, round, obligation),
                    amount_vnd,
                    purpose,
                    legal_basis,
                    (due_at, officer),
                )| {
                    Event::PaymentAsked {
                        step,
                        round,
                        obligation,
                        amount_vnd,
                        purpose,
                        legal_basis,
                        due_at,
                        officer,
                    }
                }
            ),
        name("[!-~]{1,20}").prop_map(|obligation| Event::PaymentOverdue { obligation }),
        (
            (name("[!-~]{1,20}"), any::<i64>(), text()),
            option::of(instant()),
            option::of(step()),
            evidence()
        )
            .prop_map(
                |((obligation, amount_vnd, reference), paid_at, step, evidence)| Event::Paid {
                    obligation,
                    amount_vnd,
                    reference,
                    paid_at,
                    step,
                    evidence,
                }
            ),
        (evidence_name(), 1..9_u32, text(), officer()).prop_map(
            |(evidence, version, reason, officer)| Event::FaultReported {
                evidence,
                version,
                reason,
                officer
            }
        ),
        (
            evidence_name(),
            1..9_u32,
            option::of(name("[a-z]{1,8}")),
            officer()
        )
            .prop_map(|(evidence, version, party, officer)| Event::HandedOut {
                evidence,
                version,
                party,
                officer
            }),
        (text(), officer()).prop_map(|(reason, officer)| Event::Withdrawn { reason, officer }),
        (text(), text(), text(), officer()).prop_map(
            |(reason, legal_basis, settlement, officer)| Event::Stopped {
                reason,
                legal_basis,
                settlement,
                officer
            }
        ),
        (text(), steps(), windows(), officer()).prop_map(|(reason, steps, windows, officer)| {
            Event::Resumed {
                reason,
                steps,
                windows,
                officer,
            }
        }),
    ]
}

fn notice() -> impl Strategy<Value = DepartmentNotice> {
    let of = || (step(), 1..9_u32, 1..99_u64);
    prop_oneof![
        deadline().prop_map(|deadline| DepartmentNotice::Closed {
            closed_at: deadline.due_at
        }),
        of().prop_map(|(step, round, number)| DepartmentNotice::DueChanged {
            step,
            round,
            number
        }),
        of().prop_map(|(step, round, number)| DepartmentNotice::ApologyOwed {
            step,
            round,
            number
        }),
    ]
}

fn clocks() -> impl Strategy<Value = Event> {
    let why = || select(PauseWhy::ALL.to_vec());
    prop_oneof![
        step().prop_map(|step| Event::Skipped { step }),
        step().prop_map(|step| Event::Wanted { step }),
        (part(), why()).prop_map(|(part, why)| Event::ClockPaused { part, why }),
        (part(), why(), any::<bool>(), deadline(), steps()).prop_map(
            |(part, why, reset, deadline, steps)| Event::ClockResumed {
                part,
                why,
                reset,
                deadline,
                steps
            }
        ),
        (part(), btree_set(agency(), 0..3))
            .prop_map(|(part, holders)| Event::ApologyOwed { part, holders }),
        (
            (step(), 1..9_u32, part(), limit()),
            deadline(),
            deadline(),
            text(),
            officer()
        )
            .prop_map(
                |((step, round, part, limit), deadline, step_deadline, reason, officer)| {
                    Event::Extended {
                        step,
                        round,
                        part,
                        limit,
                        deadline,
                        step_deadline,
                        reason,
                        officer,
                    }
                }
            ),
        (agency(), notice(), any::<bool>()).prop_map(|(agency, notice, refused)| {
            Event::Notified {
                agency,
                notice,
                refused,
            }
        }),
        part().prop_map(|part| Event::PromisePassed { part }),
        step().prop_map(|step| Event::Warned { step }),
        Just(Event::IntakeLimitPassed),
        (digest(), parts(), steps(), windows(), option::of(instant())).prop_map(
            |(calendar_digest, parts, steps, windows, receive_by)| Event::CalendarAdopted {
                calendar_digest,
                parts,
                steps,
                windows,
                receive_by,
            }
        ),
    ]
}

fn round_events() -> impl Strategy<Value = Event> {
    let due = (
        (step(), 1..9_u32, agency(), any::<bool>()),
        (
            btree_set(evidence_name(), 0..3),
            versions(),
            versions(),
            deadline(),
        ),
    );
    prop_oneof![
        due.prop_map(
            |((step, round, agency, work), (answers, review, inputs, deadline))| {
                Event::HandoverDue {
                    step,
                    round,
                    agency,
                    work,
                    answers,
                    review,
                    inputs,
                    deadline,
                }
            }
        ),
        (step(), 1..9_u32).prop_map(|(step, round)| Event::Offered { step, round }),
        (step(), 1..9_u32).prop_map(|(step, round)| Event::Acknowledged { step, round }),
        (step(), 1..9_u32).prop_map(|(step, round)| Event::HoldingLost { step, round }),
        (step(), 1..9_u32, agency(), select(RecallWhy::ALL.to_vec())).prop_map(
            |(step, round, agency, why)| Event::RecallDue {
                step,
                round,
                agency,
                why
            }
        ),
        (step(), agency(), agency(), text()).prop_map(|(step, from, to, reason)| Event::Moved {
            step,
            from,
            to,
            reason
        }),
        (step(), step()).prop_map(|(step, because_of)| Event::Ended { step, because_of }),
        step().prop_map(|step| Event::LimitPassed { step }),
        (name("[a-z]{1,8}"), select(PartEnd::ALL.to_vec()))
            .prop_map(|(part, end)| Event::PartFinished { part, end }),
        Just(Event::Closed),
    ]
}

fn reports() -> impl Strategy<Value = Event> {
    let of = || (step(), 1..9_u32, officer(), text());
    prop_oneof![
        of().prop_map(|(step, round, officer, note)| {
            Event::Progressed {
                step,
                round,
                officer,
                note,
            }
        }),
        (of(), evidence()).prop_map(|((step, round, officer, note), evidence)| {
            Event::Completed {
                step,
                round,
                evidence,
                officer,
                note,
            }
        }),
        (of(), text(), any::<bool>()).prop_map(
            |((step, round, officer, reason), legal_basis, late)| {
                Event::Refused {
                    step,
                    round,
                    reason,
                    legal_basis,
                    officer,
                    late,
                }
            }
        ),
        (of(), option::of(agency())).prop_map(|((step, round, officer, reason), suggested)| {
            Event::Declined {
                step,
                round,
                reason,
                suggested,
                officer,
            }
        }),
        (of(), evidence_name(), 1..9_u32).prop_map(
            |((step, round, officer, reason), evidence, version)| {
                Event::Returned {
                    step,
                    round,
                    evidence,
                    version,
                    reason,
                    officer,
                }
            }
        ),
        (of(), evidence()).prop_map(|((step, round, officer, reason), evidence)| {
            Event::Corrected {
                step,
                round,
                evidence,
                reason,
                officer,
            }
        }),
        (of(), evidence_name(), 1..9_u32).prop_map(
            |((step, round, officer, reason), evidence, version)| {
                Event::Upheld {
                    step,
                    round,
                    evidence,
                    version,
                    reason,
                    officer,
                }
            }
        ),
        (of(), any::<bool>()).prop_map(|((step, round, officer, note), redo)| {
            Event::Reviewed {
                step,
                round,
                redo,
                note,
                officer,
            }
        }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let cause = (
        "[!-~]{1,20}",
        name("[!-~]{1,20}"),
        digest(),
        option::of(instant()),
    )
        .prop_map(|(system, item_id, digest, claimed_at)| Cause {
            system: system.into(),
            item_id,
            digest,
            claimed_at,
        });
    let event = prop_oneof![
        received(),
        reception(),
        round_events(),
        reports(),
        errands(),
        citizens(),
        clocks()
    ];
    (1..u64::MAX, instant(), option::of(cause), event).prop_map(|(sequence, at, cause, event)| {
        Entry {
            sequence,
            at,
            cause,
            event,
        }
    })
}

fn kept(stored: Stored) -> Kept {
    Kept {
        sequence: stored.sequence,
        bytes: stored.bytes,
        personal: stored.personal,
    }
}

fn entry_of(sequence: u64, event: Event) -> Entry {
    let at = "2026-09-01T08:00:00.5Z".parse().unwrap();
    Entry {
        sequence,
        at,
        cause: None,
        event,
    }
}

fn refused() -> Event {
    Event::Refused {
        step: "residence".parse().unwrap(),
        round: 2,
        reason: "không đủ điều kiện".into(),
        legal_basis: "Điều 20".into(),
        officer: Officer {
            name: "Nguyễn Văn Mẫu".into(),
            ..Officer::default()
        },
        late: false,
    }
}

/// A dossier of three records, chained.
fn dossier() -> Vec<Stored> {
    let mut records = Vec::<Stored>::new();
    for (sequence, event) in (1..).zip([
        Event::LimitPassed {
            step: "residence".parse().unwrap(),
        },
        refused(),
        Event::Closed,
    ]) {
        let previous = records.last().map(|record| record.hash);
        records.push(encode(&entry_of(sequence, event), &id(), previous, SALT));
    }
    records
}

proptest! {
    #[test]
    fn every_event_comes_back_as_it_was(entry in entry()) {
        let stored = encode(&entry, &id(), Some(Digest([1; 32])), SALT);
        prop_assert_eq!(stored.hash, Digest::of(&stored.bytes));
        prop_assert_eq!(decode(&kept(stored)).unwrap(), entry);
    }

    /// Short data, such as an identifier, could be guessed from a digest without salt.
    #[test]
    fn the_chained_bytes_hold_no_digest_of_personal_values(entry in entry()) {
        let stored = encode(&entry, &id(), None, SALT);
        let holds = |digest: &Digest| stored.bytes.windows(32).any(|w| w == digest.as_bytes());
        if let Some(cause) = &entry.cause {
            prop_assert!(!holds(&cause.digest));
        }
        if let Event::Completed { evidence, .. } | Event::Corrected { evidence, .. } = &entry.event {
            for version in evidence {
                prop_assert!(!holds(&version.digest));
            }
        }
    }

    #[test]
    fn an_event_is_read_also_after_its_personal_values_were_erased(entry in entry()) {
        let mut kept = kept(encode(&entry, &id(), None, SALT));
        kept.personal = None;
        let read = decode(&kept).unwrap();
        prop_assert_eq!(read.event.step(), entry.event.step());
        if let (Event::Completed { evidence: read, note, .. }, Event::Completed { evidence, .. })
            = (read.event, entry.event)
        {
            prop_assert!(note.is_empty());
            prop_assert_eq!(read.len(), evidence.len());
            for read in &read {
                prop_assert_eq!(read.digest, Digest([0; 32]));
                prop_assert!(read.given.data.is_empty());
            }
        }
    }

    #[test]
    fn what_goes_into_the_vault_comes_back_as_it_was(evidence in evidence()) {
        for new in evidence {
            let bytes = encode_given(&new.given, new.version);
            prop_assert_eq!(decode_given(&bytes).unwrap(), new.given);
        }
    }

    #[test]
    fn damaged_bytes_never_panic(entry in entry(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut kept = kept(encode(&entry, &id(), None, SALT));
        let at = at.index(kept.bytes.len());
        kept.bytes[at] = byte;
        let _ = decode(&kept);
    }
}

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|found| found == secret)
}

#[test]
fn the_chained_bytes_hold_no_personal_values() {
    let stored = encode(&entry_of(2, refused()), &id(), None, SALT);
    for personal in ["không đủ điều kiện", "Nguyễn Văn Mẫu", "Điều 20"] {
        assert!(!holds(&stored.bytes, personal.as_bytes()));
        let beside = &stored.personal.as_ref().unwrap().bytes;
        assert!(holds(beside, personal.as_bytes()));
    }
}

/// What in the samples somebody outside has chosen freely: nobody can know that it names no person.
const CHOSEN: [&str; 19] = [
    "câu hỏi",
    "ý kiến",
    "hoàn phí",
    "tiền đất",
    "GD-01",
    "thiếu giấy",
    "tra cứu",
    "rút",
    "Mẫu",
    "giấy.pdf",
    "application/pdf",
    "Điều",
    "child",
    "mother",
    "item-1",
    "key-1",
    "TB-1",
    "not_looked_up",
    // 1,500,000 đồng, as the encoding writes it.
    "\u{0}",
];

#[test]
fn what_outsiders_choose_lies_beside_the_chain() {
    let mut seen = std::collections::BTreeSet::new();
    for event in samples() {
        let name = format!("{event:?}");
        let entry = Entry {
            cause: Some(cause()),
            ..entry_of(2, event)
        };
        let stored = encode(&entry, &id(), None, SALT);
        let beside = stored.personal.map(|beside| beside.bytes);
        for chosen in CHOSEN {
            let secret: &[u8] = match chosen {
                "\u{0}" => &[0xe0, 0xc6, 0x5b],
                text => text.as_bytes(),
            };
            assert!(!holds(&stored.bytes, secret), "{chosen} of {name}");
            if beside.as_ref().is_some_and(|beside| holds(beside, secret)) {
                seen.insert(chosen);
            }
        }
    }
    let all: std::collections::BTreeSet<_> = CHOSEN.into_iter().collect();
    assert_eq!(seen, all, "the samples have all of it, beside");
}

/// One of every kind of event, filled as far as it goes.
fn samples() -> Vec<Event> {
    let step = || named::<StepId>("residence");
    let officer = || Officer {
        name: "Mẫu".into(),
        title: "Công chức".into(),
        office: "VP".into(),
    };
    let at = || "2026-09-02T01:00:00Z".parse::<Timestamp>().unwrap();
    let evidence = || {
        let document = Document {
            digest: Digest([4; 32]),
            size_bytes: 5,
            media_type: "application/pdf".into(),
            file_name: "giấy.pdf".into(),
        };
        let given = Given {
            name: named("birth_certificate"),
            schema_id: "birth_certificate/1".into(),
            data: br#"{"number":"12"}"#.as_slice().into(),
            documents: vec![document],
            subject: Some(named("child")),
        };
        vec![NewVersion {
            version: 2,
            digest: Digest([5; 32]),
            source: Source::Step,
            given,
        }]
    };
    let party = Party {
        id: named("child"),
        roles: [PartyRole::Owner, PartyRole::Subject].into(),
        kind: PartyKind::Citizen,
        name: "Bé Mẫu".into(),
        identifiers: vec![Identifier {
            scheme: Scheme::PersonalId,
            value: "001226000001".into(),
        }],
        born_on: Some(CivilDate {
            year: 2026,
            month: 8,
            day: 30,
        }),
        address: "1 Phố Mẫu".into(),
        phone: "0900000000".into(),
        email: "mau@example.vn".into(),
        represents: Some(named("mother")),
    };
    let deadline = || Deadline {
        due_at: at(),
        warn_at: "2026-09-01T01:00:00Z".parse().unwrap(),
    };
    let assignments = || {
        let assignment = Assignment {
            agency: named("H26.2"),
            part: named("residence"),
            actor: Actor::Citizen,
            planned_at: at(),
        };
        BTreeMap::from([(step(), assignment)])
    };
    let parts = || BTreeMap::from([(named::<PartId>("residence"), deadline())]);
    let steps = || BTreeMap::from([(step(), deadline())]);
    let from = || BTreeMap::from([(named("birth_certificate"), "H26.1-250901-0001-KQ1".into())]);
    let versions = || Versions::from([(named("birth_certificate"), 2)]);
    let windows = || Windows {
        supplements: [(1, at())].into(),
        payments: [(named("TB-1"), at())].into(),
    };
    let certificate = || named::<EvidenceName>("birth_certificate");
    let received = Received {
        code: named("H26.1-260901-0001"),
        procedure: named("birth"),
        procedure_digest: Digest([1; 32]),
        directory_digest: Digest([2; 32]),
        calendar_digest: Digest([3; 32]),
        desk: named("H26.1"),
        hand_out_desk: named("H26.3"),
        territory: named("T00001"),
        channel: Channel::Online,
        arrived_at: Some(at()),
        filed_at: Some(at()),
        received_at: Some(at()),
        parts: parts(),
        asked: ["health_card".to_owned()].into(),
        assignments: assignments(),
        parties: vec![party],
        evidence: evidence(),
        reused: from(),
        promised_at: at(),
        submit_key: named("key-1"),
        filed_by: Some(named("mother")),
        officer: officer(),
    };
    vec![
        Event::Received(Box::new(received.clone())),
        Event::HandoverDue {
            step: step(),
            round: 1,
            agency: named("H26.2"),
            work: true,
            answers: [certificate()].into(),
            review: versions(),
            inputs: versions(),
            deadline: deadline(),
        },
        Event::Offered {
            step: step(),
            round: 1,
        },
        Event::Acknowledged {
            step: step(),
            round: 1,
        },
        Event::HoldingLost {
            step: step(),
            round: 1,
        },
        Event::Progressed {
            step: step(),
            round: 1,
            officer: officer(),
            note: "đang làm".into(),
        },
        Event::Completed {
            step: step(),
            round: 1,
            evidence: evidence(),
            officer: officer(),
            note: "xong".into(),
        },
        refused(),
        Event::Declined {
            step: step(),
            round: 1,
            reason: "không thuộc địa bàn".into(),
            suggested: Some(named("H26.4")),
            officer: officer(),
        },
        Event::Returned {
            step: step(),
            round: 1,
            evidence: certificate(),
            version: 1,
            reason: "sai ngày sinh".into(),
            officer: officer(),
        },
        Event::Corrected {
            step: step(),
            round: 2,
            evidence: evidence(),
            reason: "sửa ngày sinh".into(),
            officer: officer(),
        },
        Event::Upheld {
            step: step(),
            round: 2,
            evidence: certificate(),
            version: 1,
            reason: "đúng".into(),
            officer: officer(),
        },
        Event::Reviewed {
            step: step(),
            round: 2,
            redo: true,
            note: "làm lại".into(),
            officer: officer(),
        },
        Event::Ended {
            step: step(),
            because_of: named("register_birth"),
        },
        Event::RecallDue {
            step: step(),
            round: 3,
            agency: named("H26.2"),
            why: RecallWhy::Moved,
        },
        Event::Moved {
            step: step(),
            from: named("H26.2"),
            to: named("H26.4"),
            reason: "chuyển địa bàn".into(),
        },
        Event::LimitPassed { step: step() },
        Event::PartFinished {
            part: named("residence"),
            end: PartEnd::Ended,
        },
        Event::Closed,
        Event::Filed(Box::new(received)),
        Event::Accepted(Box::new(Reception {
            procedure_digest: Digest([1; 32]),
            directory_digest: Digest([2; 32]),
            calendar_digest: Digest([3; 32]),
            parts: parts(),
            assignments: assignments(),
            promised_at: at(),
            received_at: Some(at()),
            officer: officer(),
        })),
        Event::NotAccepted {
            reason: "thiếu giấy".into(),
            legal_basis: "Điều 17".into(),
            officer: officer(),
        },
        Event::Skipped { step: step() },
        Event::SlipsDue {
            to: [(named("slip_1"), named("H26.5"))].into(),
        },
        Event::LookUpDue {
            step: named("look_up_birth_certificate"),
            evidence: certificate(),
            part: named("residence"),
            agency: named("H26.2"),
            deadline: deadline(),
        },
        Event::LookedUp {
            step: named("look_up_birth_certificate"),
            round: 1,
            evidence: certificate(),
            outcome: LookUpOutcome::Found,
            given: evidence(),
            note: "tra cứu thấy".into(),
            officer: officer(),
        },
        Event::AskedAgain {
            step: named("look_up_birth_certificate"),
        },
        Event::Reused {
            evidence: evidence(),
            from: from(),
        },
        Event::Consulted {
            step: step(),
            round: 1,
            consultation: named("consult_residence_1"),
            agency: named("H26.4"),
            question: "câu hỏi".into(),
            inputs: versions(),
            limit: None,
            deadline: deadline(),
            officer: officer(),
        },
        Event::Opined {
            step: named("consult_residence_1"),
            round: 1,
            opinion: "ý kiến".into(),
            officer: officer(),
        },
        Event::SupplementAsked {
            number: 1,
            stage: SupplementStage::Appraisal(step()),
            by: Some((step(), 1)),
            agency: named("H26.2"),
            items: vec![
                Item {
                    evidence: certificate(),
                    reason: "thiếu giấy".into(),
                    legal_basis: "Điều 19".into(),
                    approval: None,
                },
                Item {
                    evidence: named("parents"),
                    reason: "thiếu giấy".into(),
                    legal_basis: "Điều 19".into(),
                    approval: Some(Approval {
                        approver: officer(),
                        legal_basis: "Điều 9".into(),
                    }),
                },
            ],
            due_at: at(),
            officer: officer(),
        },
        Event::SupplementAnswered {
            number: 1,
            evidence: evidence(),
            officer: officer(),
        },
        Event::SupplementExpired { number: 1 },
        Event::SupplementDenied {
            step: Some(step()),
            agency: named("H26.2"),
            denials: [
                (
                    certificate(),
                    Denial::InVault("H26.1-250901-0001-KQ1".into()),
                ),
                (named("parents"), Denial::NotLookedUp(named("H26.4"))),
            ]
            .into(),
        },
        Event::EvidenceGiven {
            evidence: evidence(),
            officer: officer(),
        },
        Event::ConsentRefused {
            evidence: named("householder_consent"),
            party: named("mother"),
            reason: "rút lại".into(),
            officer: officer(),
        },
        Event::PaymentAsked {
            step: step(),
            round: 1,
            obligation: named("TB-1"),
            amount_vnd: 1_500_000,
            purpose: "tiền đất".into(),
            legal_basis: "Điều 22".into(),
            due_at: None,
            officer: officer(),
        },
        Event::Paid {
            obligation: named("TB-1"),
            amount_vnd: 1_500_000,
            reference: "GD-01".into(),
            paid_at: Some(at()),
            step: Some(step()),
            evidence: evidence(),
        },
        Event::ClockPaused {
            part: named("residence"),
            why: PauseWhy::Payment,
        },
        Event::ClockResumed {
            part: named("residence"),
            why: PauseWhy::Supplement,
            reset: true,
            deadline: deadline(),
            steps: steps(),
        },
        Event::ApologyOwed {
            part: named("residence"),
            holders: [named("H26.2")].into(),
        },
        Event::Extended {
            step: step(),
            round: 1,
            part: named("residence"),
            limit: Limit {
                amount: 2,
                unit: Unit::WorkingDay,
            },
            deadline: deadline(),
            step_deadline: deadline(),
            reason: "tra cứu lâu".into(),
            officer: officer(),
        },
        Event::PromisePassed {
            part: named("residence"),
        },
        Event::Warned { step: step() },
        Event::IntakeLimitPassed,
        Event::CalendarAdopted {
            calendar_digest: Digest([3; 32]),
            parts: parts(),
            steps: steps(),
            windows: Windows::default(),
            receive_by: None,
        },
        Event::FaultReported {
            evidence: certificate(),
            version: 1,
            reason: "thiếu giấy".into(),
            officer: officer(),
        },
        Event::HandedOut {
            evidence: certificate(),
            version: 2,
            party: Some(named("mother")),
            officer: officer(),
        },
        Event::Withdrawn {
            reason: "rút hồ sơ".into(),
            officer: officer(),
        },
        Event::Stopped {
            reason: "thiếu giấy".into(),
            legal_basis: "Điều 20".into(),
            settlement: "hoàn phí".into(),
            officer: officer(),
        },
        Event::Resumed {
            reason: "tra cứu xong".into(),
            steps: BTreeMap::new(),
            windows: Windows::default(),
            officer: officer(),
        },
        Event::Notified {
            agency: named("H26.2"),
            notice: DepartmentNotice::Closed { closed_at: at() },
            refused: false,
        },
        Event::Notified {
            agency: named("H26.2"),
            notice: DepartmentNotice::DueChanged {
                step: step(),
                round: 2,
                number: 47,
            },
            refused: false,
        },
        Event::Notified {
            agency: named("H26.2"),
            notice: DepartmentNotice::ApologyOwed {
                step: step(),
                round: 2,
                number: 48,
            },
            refused: true,
        },
        Event::Resumed {
            reason: "tra cứu xong".into(),
            steps: steps(),
            windows: windows(),
            officer: officer(),
        },
        Event::CalendarAdopted {
            calendar_digest: Digest([3; 32]),
            parts: parts(),
            steps: steps(),
            windows: windows(),
            receive_by: Some(at()),
        },
        Event::Consulted {
            step: step(),
            round: 1,
            consultation: named("consult_residence_1"),
            agency: named("H26.4"),
            question: "câu hỏi".into(),
            inputs: versions(),
            limit: Some(Limit {
                amount: 2,
                unit: Unit::WorkingDay,
            }),
            deadline: deadline(),
            officer: officer(),
        },
        Event::PaymentAsked {
            step: step(),
            round: 1,
            obligation: named("TB-1"),
            amount_vnd: 1_500_000,
            purpose: "tiền đất".into(),
            legal_basis: "Điều 22".into(),
            due_at: Some(at()),
            officer: officer(),
        },
        Event::PaymentOverdue {
            obligation: named("TB-1"),
        },
        Event::Refused {
            step: step(),
            round: 1,
            reason: "thiếu giấy".into(),
            legal_basis: "Điều 20".into(),
            officer: officer(),
            late: true,
        },
        Event::Wanted { step: step() },
    ]
}

fn named<T: for<'t> TryFrom<&'t str, Error = BadName>>(text: &str) -> T {
    T::try_from(text).ok().unwrap()
}

/// What this release wrote when the format was fixed: a line an event, record and personal values.
const GOLDEN: &str = include_str!("golden.txt");
/// Set to accept what this release writes.
const ACCEPT: &str = "BROKER_ACCEPT_RECORDS";

fn cause() -> Cause {
    Cause {
        system: "spiffe://hue.example/department/police".into(),
        item_id: named("item-1"),
        digest: Digest([6; 32]),
        claimed_at: Some("2026-09-01T07:59:59Z".parse().unwrap()),
    }
}

#[test]
fn what_was_written_once_is_written_the_same_and_read_for_ever() {
    let mut written = String::new();
    let mut entries = Vec::new();
    for (sequence, event) in (1..).zip(samples()) {
        let entry = Entry {
            cause: Some(cause()),
            ..entry_of(sequence, event)
        };
        let stored = encode(&entry, &id(), Some(Digest([1; 32])), SALT);
        let personal = stored
            .personal
            .map(|beside| hex::encode(beside.bytes))
            .unwrap_or_default();
        written += &format!("{} {personal}\n", hex::encode(&stored.bytes));
        entries.push(entry);
    }
    if std::env::var_os(ACCEPT).is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/records/golden.txt");
        std::fs::write(file, written).unwrap();
        return;
    }
    assert_eq!(
        written, GOLDEN,
        "a changed format makes every store unreadable; add, never change (added: {ACCEPT}=1)"
    );

    for ((sequence, line), entry) in (1..).zip(GOLDEN.lines()).zip(entries) {
        let (record, personal) = line.split_once(' ').unwrap();
        let bytes = hex::decode(personal).unwrap();
        let personal = (!bytes.is_empty()).then_some(Beside { salt: SALT, bytes });
        let kept = Kept {
            sequence,
            bytes: hex::decode(record).unwrap(),
            personal,
        };
        assert_eq!(decode(&kept).unwrap(), entry);
    }
}

#[test]
fn an_event_of_a_newer_release_quarantines() {
    let mut stored = encode(&entry_of(1, Event::Closed), &id(), None, SALT);
    // Field 900, empty, in place of `closed`: what a newer release would write.
    let closed = [0xe2, 0x01, 0x00];
    let at = stored.bytes.windows(3).position(|w| w == closed).unwrap();
    stored.bytes.splice(at..at + 3, [0xa2, 0x38, 0x00]);
    assert_eq!(
        decode(&kept(stored)),
        Err(RecordError::Unknown("event".into()))
    );
}

#[test]
fn a_whole_chain_gives_the_hash_of_its_last_record() {
    let records = dossier();
    let last = records.last().map(|record| record.hash);
    let records: Vec<Kept> = records.into_iter().map(kept).collect();
    assert_eq!(verify_chain(&id(), &records), Ok(last));

    let mut erased = records;
    erased.iter_mut().for_each(|record| record.personal = None);
    assert_eq!(verify_chain(&id(), &erased), Ok(last));
}

#[test]
fn a_changed_chain_names_its_first_bad_record() {
    let whole: Vec<Kept> = dossier().into_iter().map(kept).collect();
    let broken_at = |records: &[Kept]| verify_chain(&id(), records).unwrap_err().sequence;

    let mut changed = whole.clone();
    let at = changed[1]
        .bytes
        .windows(9)
        .position(|w| w == b"residence")
        .unwrap();
    changed[1].bytes[at] = b'R';
    assert_eq!(broken_at(&changed), 2);

    let mut personal = whole.clone();
    personal[1].personal.as_mut().unwrap().bytes.push(0);
    assert_eq!(broken_at(&personal), 2);

    let mut gap = whole.clone();
    gap.remove(1);
    assert_eq!(broken_at(&gap), 2);

    assert_eq!(
        verify_chain(&DossierId([8; 16]), &whole)
            .unwrap_err()
            .sequence,
        1
    );
}
