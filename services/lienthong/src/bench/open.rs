//! Submits at times fixed beforehand, however long each takes and whatever becomes of it: citizens do not
//! wait for the broker, and come whether it has room for them or not.

use super::{control::now_ns, load::Load, quantiles::Quantiles, town::Town};
use anyhow::{bail, ensure};
use hdrhistogram::Histogram;
use node::fault::Fault;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::{Code, Status};

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_millis(2);
/// How long the answers to the last may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Microseconds that are counted up to: ten minutes.
const US_MAX: u64 = 600_000_000;
/// Significant figures kept.
const FIGURES: u8 = 3;

/// What became of submits.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Answers {
    /// Seconds in which they were sent.
    pub(crate) seconds: f64,
    /// Sent.
    pub(crate) sent: u64,
    /// Taken.
    pub(crate) taken: u64,
    /// From the time at which one was meant to be sent until it was answered as taken.
    pub(crate) taken_us: Quantiles,
    /// Refused as too many, with the time after which to try again.
    pub(crate) refused: u64,
    /// How long it took to be refused.
    pub(crate) refused_us: Quantiles,
    /// Refused as too many, without that time: there should be none.
    pub(crate) refused_without_time: u64,
    /// Anything else, by its reason word or code: there should be none.
    pub(crate) others: BTreeMap<String, u64>,
}

/// Counts while answers come.
struct Tally {
    answers: Answers,
    taken: Histogram<u64>,
    refused: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        let histogram =
            || Histogram::new_with_max(US_MAX, FIGURES).expect("the bounds are in order");
        Self {
            answers: Answers::default(),
            taken: histogram(),
            refused: histogram(),
        }
    }

    fn count(&mut self, answered: Result<(), Status>, us: u64) {
        let answers = &mut self.answers;
        answers.sent += 1;
        match answered {
            Ok(()) => {
                answers.taken += 1;
                self.taken.saturating_record(us);
            }
            Err(status) if status.code() == Code::ResourceExhausted => {
                self.refused.saturating_record(us);
                match Fault::retry_after_of(&status) {
                    Some(_) => answers.refused += 1,
                    None => answers.refused_without_time += 1,
                }
            }
            Err(status) => {
                let code = || format!("{:?}", status.code());
                let why = Fault::reason_of(&status).unwrap_or_else(code);
                *answers.others.entry(why).or_default() += 1;
            }
        }
    }

    fn done(&mut self, seconds: f64) -> Answers {
        let quantiles = |histogram: &Histogram<u64>| {
            let pairs = histogram
                .iter_recorded()
                .map(|one| (one.value_iterated_to(), one.count_since_last_iteration()));
            Quantiles::of(&pairs.collect::<Vec<_>>())
        };
        Answers {
            seconds,
            taken_us: quantiles(&self.taken),
            refused_us: quantiles(&self.refused),
            ..std::mem::take(&mut self.answers)
        }
    }
}

/// Submits for so long so many a second, and waits for every answer.
pub(crate) async fn submits(
    town: &mut Town,
    per_second: f64,
    time: Duration,
) -> anyhow::Result<Answers> {
    let tally = Arc::new(Mutex::new(Tally::new()));
    let sending = send(town.load.clone(), per_second, time, tally.clone());
    let (seconds, mut waiting) = tokio::select! {
        sent = sending => sent,
        fallen = town.pass(time + ANSWER_MAX) => {
            fallen?;
            bail!("the bench cannot send so fast");
        }
    };
    let answered = async { while waiting.join_next().await.is_some() {} };
    let answered = tokio::time::timeout(ANSWER_MAX, answered).await;
    ensure!(
        answered.is_ok(),
        "submits had no answer within {ANSWER_MAX:?}"
    );
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(tally.done(seconds))
}

async fn send(
    load: Load,
    per_second: f64,
    time: Duration,
    tally: Arc<Mutex<Tally>>,
) -> (f64, JoinSet<()>) {
    let mut tasks = JoinSet::new();
    let (began, began_ns) = (Instant::now(), now_ns());
    let mut sent = 0_u32;
    loop {
        let elapsed = began.elapsed();
        if elapsed >= time {
            return (elapsed.as_secs_f64(), tasks);
        }
        while f64::from(sent) <= elapsed.as_secs_f64() * per_second {
            let meant = Duration::from_secs_f64(f64::from(sent) / per_second);
            let meant_ns = began_ns + u64::try_from(meant.as_nanos()).unwrap_or(u64::MAX);
            sent += 1;
            let (load, tally) = (load.clone(), tally.clone());
            tasks.spawn(async move {
                let answered = load.submit_once().await;
                let us = now_ns().saturating_sub(meant_ns) / 1_000;
                let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                tally.count(answered, us);
            });
        }
        while tasks.try_join_next().is_some() {}
        sleep_until(Instant::now() + LOOK).await;
    }
}
