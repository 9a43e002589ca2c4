//! The books of time: whose every second was, as the broker tells it, against the records of its store. The
//! harness's calendar works around the clock, so that every second is somebody's.

use super::chain::Chain;
use contract::{
    record::v1::record::Event,
    v1::{TimeHolder, TrackResponse},
};
use prost_types::Timestamp;
use std::collections::BTreeMap;

/// What the broker tells of time is told in whole seconds, for each holder.
const ROUNDED_S: f64 = 1.0;

/// What does not balance: a row of the slip whose instants are not the records', and sums of the slip that
/// are not the times that are told.
pub(super) fn balance(chain: &Chain, track: &TrackResponse) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut due, mut taken) = (BTreeMap::new(), BTreeMap::new());
    for record in &chain.records {
        match &record.event {
            Some(Event::HandoverDue(one)) => {
                due.insert((one.step_id.as_str(), one.round), record.at);
            }
            Some(Event::Acknowledged(one)) => {
                taken.insert((one.step_id.as_str(), one.round), record.at);
            }
            _ => {}
        }
    }
    let mut transport = 0.0;
    for row in &track.control_slip {
        let key = (row.step_id.as_str(), row.round);
        let place = format!("{} round {} of {}", row.step_id, row.round, chain.code);
        if row.handed_at != due.get(&key).copied().flatten() {
            wrong.push(format!(
                "books: {place} was not handed over when the slip says"
            ));
        }
        if row.received_at != taken.get(&key).copied().flatten() {
            wrong.push(format!(
                "books: {place} was not acknowledged when the slip says"
            ));
        }
        let instants = [row.handed_at, row.received_at, row.answered_at];
        let known: Vec<f64> = instants.iter().flatten().map(seconds).collect();
        if known.is_sorted() {
            if let [Some(handed), Some(received), _] = &instants {
                transport += seconds(received) - seconds(handed);
            }
        } else {
            wrong.push(format!("books: {place} was answered before it was there"));
        }
    }
    let told: u64 = track
        .times
        .iter()
        .filter(|time| time.holder() == TimeHolder::Transport)
        .map(|time| time.working_seconds)
        .sum();
    if (transport - told as f64).abs() > ROUNDED_S {
        wrong.push(format!(
            "books: {} was {transport:.3} s on its way by the slip, and {told} s by the times",
            chain.code
        ));
    }
    wrong
}

fn seconds(at: &Timestamp) -> f64 {
    at.seconds as f64 + f64::from(at.nanos) / 1e9
}
