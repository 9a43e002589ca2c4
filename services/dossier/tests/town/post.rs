//! The post: messages under way. It loses, repeats, delays and reorders; a line breaks when one of its
//! ends dies, and what was on it is gone.

use crate::broker::Holding;
use dossier::{
    Refusal,
    decide::{Act, Report},
    department_notice::DepartmentNotice,
    handover::Handover,
    intake::Submission,
    name::{AgencyCode, DossierId, Key, StepId},
    notice::Notice,
};
use std::collections::BTreeMap;

/// What a desk asks the broker to do.
#[derive(Debug, Clone)]
pub enum Item {
    Submit {
        procedure: &'static str,
        is_filed: bool,
        submission: Box<Submission>,
    },
    Act(Act),
    Report(Box<Report>),
}

/// The answer to an item.
#[derive(Debug, Clone)]
pub enum Verdict {
    Recorded,
    Refused(Refusal),
    /// Keep it, and reconcile.
    Unknown,
}

/// Something that a desk is told.
#[derive(Debug, Clone)]
pub struct Told {
    pub dossier: DossierId,
    pub sequence: u64,
    pub notice: Notice,
}

/// A department's answer to what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldingState {
    Agreed,
    /// It is compared when its reports are here again.
    ReportsMissing,
    Unknown,
    Closed,
    Superseded,
}

/// One message.
#[derive(Debug, Clone)]
pub enum Message {
    /// From a desk.
    Item {
        id: Key,
        dossier: DossierId,
        item: Box<Item>,
    },
    AskNotices {
        after: usize,
    },
    /// To a desk.
    Notices {
        epoch: u32,
        after: usize,
        told: Vec<Told>,
    },
    /// To a department.
    HandOver {
        epoch: u32,
        dossier: DossierId,
        procedure: &'static str,
        handover: Box<Handover>,
    },
    /// To a department: something to know.
    Notice {
        epoch: u32,
        dossier: DossierId,
        notice: DepartmentNotice,
    },
    /// From a department: it has the notice.
    Noted {
        dossier: DossierId,
        notice: DepartmentNotice,
    },
    /// From a department: it has the round.
    Taken {
        dossier: DossierId,
        step: StepId,
        round: u32,
    },
    Report {
        id: Key,
        dossier: DossierId,
        report: Box<Report>,
    },
    /// From a department: it is there, and what earlier lives of it took counts no longer unless it came.
    Begin,
    /// What is read from now on holds all that was taken before.
    Begun {
        epoch: u32,
        begun_at: u64,
    },
    Reconcile {
        begun_at: u64,
        holdings: Vec<Holding>,
    },
    Reconciled {
        epoch: u32,
        states: BTreeMap<(DossierId, StepId), HoldingState>,
        missing: Vec<Key>,
    },
    /// To whoever sent an item or a report.
    Answer {
        epoch: u32,
        id: Key,
        verdict: Verdict,
    },
}

/// A message on the line between the broker and somebody.
#[derive(Debug, Clone)]
pub struct Letter {
    pub party: AgencyCode,
    pub to_broker: bool,
    pub message: Message,
    /// The lives of broker and party when it was sent.
    pub lives: (u32, u32),
    /// It was on its way to the other end before anybody could die.
    pub is_swift: bool,
}
