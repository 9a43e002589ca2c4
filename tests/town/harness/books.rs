//! The books of time, law 7: whose every second was, as the broker tells it, against an account that is
//! reckoned here from the records of its store. The harness's calendar works around the clock, so that
//! every second is somebody's.

use super::chain::Chain;
use contract::{
    record::v1::record::Event,
    v1::{TimeHolder, TrackResponse},
};
use prost_types::Timestamp;
use std::collections::BTreeMap;

/// What the broker tells of time is told in whole seconds, for each holder.
const ROUNDED_S: f64 = 1.0;
/// The task of a row by which an agency was told to put something down.
const RECALL: &str = "recall";

/// Who has a step's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keeper {
    Transport,
    Held,
    Nobody,
}

/// What does not balance: a row of the slip whose instants are not the records', and times that are told
/// and are not those of the records.
pub(super) fn balance(chain: &Chain, track: &TrackResponse) -> Vec<String> {
    let mut wrong = slip(chain, track);
    let (transport, held) = reckon(chain, track);
    let told = |wanted: TimeHolder| -> (f64, f64) {
        let of_it = track.times.iter().filter(|time| time.holder() == wanted);
        let seconds = of_it.map(|time| time.working_seconds as f64);
        seconds.fold((0.0, ROUNDED_S), |(sum, off), one| {
            (sum + one, off + ROUNDED_S)
        })
    };
    let mut compare = |what: &str, reckoned: f64, (told, off): (f64, f64)| {
        if (reckoned - told).abs() > off {
            wrong.push(format!(
                "books: {} was {what} for {reckoned:.3} s by the records, and {told} s are told",
                chain.code
            ));
        }
    };
    compare("on its way", transport, told(TimeHolder::Transport));
    // Where clocks stood still, the time of the citizen lies over that of the agencies.
    if track.pauses.is_empty() {
        compare("with agencies", held, told(TimeHolder::Agency));
    }
    wrong
}

/// The rows of the slip against the records.
fn slip(chain: &Chain, track: &TrackResponse) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in &track.control_slip {
        let place = format!("{} round {} of {}", row.step_id, row.round, chain.code);
        let stands_in = |at: &Option<Timestamp>, is_it: &dyn Fn(&Event) -> bool| {
            let mut records = chain.records.iter();
            at.is_none()
                || records
                    .any(|record| record.at == *at && record.event.as_ref().is_some_and(is_it))
        };
        let of_row = |step: &str, round: u32| step == row.step_id && round == row.round;
        // A recall is given as a round is: where every part was finished before an agency had
        // acknowledged its transfer slip, as after a restore, that is taken back.
        let gives = |event: &Event| match event {
            Event::HandoverDue(due) => row.task != RECALL && of_row(&due.step_id, due.round),
            Event::RecallDue(due) => row.task == RECALL && of_row(&due.step_id, due.round),
            _ => false,
        };
        if !stands_in(&row.handed_at, &gives) {
            wrong.push(format!("books: {place} was not given when the slip says"));
        }
        if !stands_in(
            &row.received_at,
            &|event| matches!(event, Event::Acknowledged(one) if of_row(&one.step_id, one.round)),
        ) {
            wrong.push(format!("books: {place} was not taken when the slip says"));
        }
        if !stands_in(&row.answered_at, &|_| true) {
            wrong.push(format!(
                "books: {place} was not answered when the slip says"
            ));
        }
        let instants = [row.handed_at, row.received_at, row.answered_at];
        let known: Vec<f64> = instants.iter().flatten().map(seconds).collect();
        if !known.is_sorted() {
            wrong.push(format!("books: {place} was answered before it was there"));
        }
    }
    wrong
}

/// Seconds on the way, and with agencies: of each step from when it became due, without gap, until the
/// slip says that its round was answered.
fn reckon(chain: &Chain, track: &TrackResponse) -> (f64, f64) {
    let mut turns: BTreeMap<&str, Vec<(Timestamp, u32, Keeper)>> = BTreeMap::new();
    let mut turn = |step, round, at: Option<Timestamp>, keeper| {
        if let Some(at) = at {
            turns.entry(step).or_default().push((at, round, keeper));
        }
    };
    for record in &chain.records {
        match &record.event {
            Some(Event::HandoverDue(one)) => turn(
                one.step_id.as_str(),
                one.round,
                record.at,
                Keeper::Transport,
            ),
            Some(Event::HoldingLost(one)) => turn(
                one.step_id.as_str(),
                one.round,
                record.at,
                Keeper::Transport,
            ),
            Some(Event::Acknowledged(one)) => {
                turn(one.step_id.as_str(), one.round, record.at, Keeper::Held)
            }
            Some(Event::Ended(one)) => {
                turn(one.step_id.as_str(), u32::MAX, record.at, Keeper::Nobody)
            }
            _ => {}
        }
    }
    // Who sent a fault back keeps the step until it has its answer, which is a round of its own.
    let answered = track.control_slip.iter();
    for row in answered.filter(|row| row.outcome != "returned") {
        turn(&row.step_id, row.round, row.answered_at, Keeper::Nobody);
    }
    let (mut transport, mut held) = (0.0, 0.0);
    for mut turns in turns.into_values() {
        // At one instant the lower round comes first, and what was taken before what was answered.
        turns.sort_by_key(|(at, round, keeper)| (at.seconds, at.nanos, *round, *keeper));
        for (turn, next) in turns.iter().zip(turns.iter().skip(1)) {
            let length = seconds(&next.0) - seconds(&turn.0);
            match turn.2 {
                Keeper::Transport => transport += length,
                Keeper::Held => held += length,
                Keeper::Nobody => {}
            }
        }
    }
    (transport, held)
}

fn seconds(at: &Timestamp) -> f64 {
    at.seconds as f64 + f64::from(at.nanos) / 1e9
}

mod tests {
    use super::*;
    use contract::{
        record::v1::{HandoverDue, RecallDue, Record},
        v1::ControlSlipRow,
    };

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    /// A transfer slip that was given at 1 and taken back at 5, before its agency had acknowledged it.
    fn taken_back() -> Chain {
        let step_id = || "slip_4".to_owned();
        let given = HandoverDue {
            step_id: step_id(),
            round: 1,
            ..Default::default()
        };
        let recalled = RecallDue {
            step_id: step_id(),
            round: 2,
            ..Default::default()
        };
        let record = |seconds, event| Record {
            at: at(seconds),
            event: Some(event),
            ..Default::default()
        };
        Chain::of(vec![
            record(1, Event::HandoverDue(given)),
            record(5, Event::RecallDue(recalled)),
        ])
    }

    fn row(round: u32, task: &str, handed: i64) -> ControlSlipRow {
        ControlSlipRow {
            step_id: "slip_4".into(),
            round,
            task: task.into(),
            handed_at: at(handed),
            ..Default::default()
        }
    }

    #[test]
    fn a_recall_is_given_when_it_became_due_and_at_no_other_time() {
        let chain = taken_back();
        let of = |rows: &[ControlSlipRow]| {
            slip(
                &chain,
                &TrackResponse {
                    control_slip: rows.to_vec(),
                    ..Default::default()
                },
            )
        };
        assert!(of(&[row(1, "inform", 1), row(2, RECALL, 5)]).is_empty());
        assert_eq!(of(&[row(1, "inform", 1), row(2, RECALL, 1)]).len(), 1);
        assert_eq!(of(&[row(1, "inform", 5)]).len(), 1);
        assert_eq!(of(&[row(2, "inform", 5)]).len(), 1);
        assert_eq!(of(&[row(1, RECALL, 1)]).len(), 1);
    }
}
