//! What waits for the ledger, and the door before it: whatever is let in is recorded soon, and whoever
//! is not let in is told so at once.
//!
//! *Three lines.* What the broker's own couriers and timers say, mostly acknowledgements, and what comes
//! from outside for dossiers that are there, reports and acts, bring these towards their end; submits begin
//! new ones. A turn takes the first two first, half of each if there is so much, so that dossiers end under
//! pressure instead of becoming more; one place of every turn is a submit's, so that no flood of reports
//! keeps citizens out.
//!
//! *How long, not how many.* What waits costs its sender time, and how much a thousand commands are is
//! known only afterwards. So the wait itself is measured: while the first submit has waited half of
//! `ledger_wait_ms_max`, no other is let in, and whichever has waited all of it is refused instead of recorded.
//! Reports and acts are not refused for the time they wait: the windows of their streams bound how many there
//! are, they end what was begun, and one that comes again a second later has made its hand-off a second late. A
//! turn takes what it can do in `ledger_turn_ms_max` at the pace of the turns before it. Together they bound the
//! time in which anybody has an answer.
//!
//! *Who is never refused.* Our own waits until there is room: an acknowledgement that was refused would be
//! the work of a handover once more.

use super::Job;
use crate::{config::Limits, failure::Failure};
use dossier::{
    decide::{Action, Statement},
    evidence::Given,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Commands that a turn takes, if there are any, however long the turns before it were: so that one sync
/// that took long does not make many of what could be one.
const TURN_COMMANDS_MIN: usize = 16;
/// Bytes that every command counts for, beside the data of its evidence.
const COMMAND_BYTES: usize = 1024;

/// The way in. When the last one is gone, the ledger ends.
#[derive(Debug, Clone)]
pub(super) struct Door(Arc<Handle>);

#[derive(Debug)]
struct Handle(Arc<Room>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state().is_left = true;
        self.0.came.notify_one();
    }
}

/// The other side, which the ledger alone has.
#[derive(Debug)]
pub(super) struct Waiting {
    room: Arc<Room>,
    /// When the turn under way began, and how many commands it took.
    turn: Option<(Instant, usize)>,
    /// For one command, over the last turns.
    pace: Duration,
}

#[derive(Debug)]
struct Room {
    limits: Limits,
    state: Mutex<State>,
    /// Something came.
    came: Condvar,
    /// Places for our own.
    places: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    lines: [VecDeque<Command>; 3],
    /// Of what came from outside.
    bytes: usize,
    /// Nobody can come any more.
    is_left: bool,
    /// Nobody is served any more.
    is_over: bool,
}

/// Which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// What the broker itself has to say.
    Own,
    /// What comes from outside for what is there.
    GoingOn,
    /// What begins something.
    Beginning,
}

#[derive(Debug)]
struct Command {
    job: Job,
    since: Instant,
    bytes: usize,
    _place: Option<OwnedSemaphorePermit>,
}

impl Command {
    fn has_waited(&self, now: Instant, wait: Duration) -> bool {
        now.saturating_duration_since(self.since) >= wait
    }
}

/// A room with its door.
pub(super) fn room(limits: Limits) -> (Door, Waiting) {
    let places = limits.ledger_waiting_max.clamp(1, Semaphore::MAX_PERMITS);
    let room = Arc::new(Room {
        limits,
        state: Mutex::default(),
        came: Condvar::new(),
        places: Arc::new(Semaphore::new(places)),
    });
    let waiting = Waiting {
        room: room.clone(),
        turn: None,
        pace: Duration::ZERO,
    };
    (Door(Arc::new(Handle(room))), waiting)
}

impl Door {
    /// Lets a command in; one of our own waits until there is room.
    ///
    /// # Errors
    /// [`Failure::Busy`] or [`Failure::Stopping`]; nothing of it was recorded.
    pub(super) async fn enter(&self, job: Job) -> Result<(), Failure> {
        let room = &self.0.0;
        let place = match job.line() {
            Line::Own => {
                let place = room.places.clone().acquire_owned().await;
                Some(place.map_err(|_| Failure::Stopping)?)
            }
            Line::GoingOn | Line::Beginning => None,
        };
        room.admit(job, place)
    }

    /// How much waits.
    pub(super) fn waiting(&self) -> Lines {
        let state = self.0.0.state();
        let line = |line: Line| state.lines[line as usize].len();
        Lines {
            own: line(Line::Own),
            going_on: line(Line::GoingOn),
            beginning: line(Line::Beginning),
            bytes: state.bytes,
        }
    }

    /// Whether a submit would be let in now: asked before work is done for one.
    ///
    /// # Errors
    /// As [`enter`](Self::enter).
    pub(super) fn lets_begin(&self) -> Result<(), Failure> {
        let room = &self.0.0;
        room.look(&room.state(), Line::Beginning, COMMAND_BYTES)
    }
}

/// How many commands wait in each line, and the bytes of what came from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// What the broker itself has to say.
    pub own: usize,
    /// What comes from outside for what is there.
    pub going_on: usize,
    /// What begins something.
    pub beginning: usize,
    /// Bytes of what came from outside.
    pub bytes: usize,
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, job: Job, place: Option<OwnedSemaphorePermit>) -> Result<(), Failure> {
        let (line, bytes) = (job.line(), job.bytes());
        let mut state = self.state();
        self.look(&state, line, bytes)?;
        state.bytes += bytes;
        state.lines[line as usize].push_back(Command {
            job,
            since: Instant::now(),
            bytes,
            _place: place,
        });
        drop(state);
        self.came.notify_one();
        Ok(())
    }

    fn look(&self, state: &State, line: Line, bytes: usize) -> Result<(), Failure> {
        if state.is_over {
            return Err(Failure::Stopping);
        }
        if line == Line::Own {
            return Ok(());
        }
        let limits = &self.limits;
        let (now, wait) = (Instant::now(), limits.ledger_wait() / 2);
        let begins = line == Line::Beginning;
        let line = &state.lines[line as usize];
        let is_full = line.len() >= limits.ledger_waiting_max
            // One may always wait, of whatever size a message may have.
            || (state.bytes > 0 && state.bytes + bytes > limits.ledger_waiting_bytes_max)
            || (begins && line.front().is_some_and(|first| first.has_waited(now, wait)));
        if is_full { Err(Failure::Busy) } else { Ok(()) }
    }
}

impl Waiting {
    /// What the next turn takes, once there is something; nothing when there is none within `patience`;
    /// none when nobody can come any more.
    pub(super) fn take(&mut self, patience: Option<Duration>) -> Option<Vec<Job>> {
        let at_most = self.commands_max();
        let room = self.room.clone();
        let mut state = room.state();
        let mut late = Vec::new();
        let jobs = loop {
            let jobs = self.choose(&mut state, at_most, &mut late);
            if !jobs.is_empty() || !late.is_empty() {
                break jobs;
            }
            if state.is_left {
                return None;
            }
            let waited =
                room.came
                    .wait_timeout_while(state, patience.unwrap_or(Duration::MAX), |state| {
                        state.is_empty() && !state.is_left
                    });
            let timed_out;
            (state, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
            if timed_out.timed_out() {
                break Vec::new();
            }
        };
        drop(state);
        for job in late {
            job.refuse(Failure::Busy);
        }
        self.turn = (!jobs.is_empty()).then(|| (Instant::now(), jobs.len()));
        Some(jobs)
    }

    /// The oldest of each line, those that go on first.
    fn choose(&self, state: &mut State, at_most: usize, late: &mut Vec<Job>) -> Vec<Job> {
        let (now, wait) = (Instant::now(), self.room.limits.ledger_wait());
        let mut jobs = Vec::new();
        let for_one_that_begins = usize::from(!state.lines[Line::Beginning as usize].is_empty());
        let going_on = at_most - for_one_that_begins;
        for (line, until) in [
            (Line::Own, going_on / 2),
            (Line::GoingOn, going_on),
            (Line::Own, going_on),
            (Line::Beginning, at_most),
        ] {
            while jobs.len() < until
                && let Some(command) = state.lines[line as usize].pop_front()
            {
                state.bytes -= command.bytes;
                if line == Line::Beginning && command.has_waited(now, wait) {
                    late.push(command.job);
                } else {
                    jobs.push(command.job);
                }
            }
        }
        jobs
    }

    /// How many commands a turn may take: what it can do in its time.
    fn commands_max(&mut self) -> usize {
        let limits = &self.room.limits;
        let at_most = limits.ledger_batch_max.max(2);
        let Some((began, commands)) = self.turn.take() else {
            return at_most;
        };
        let each = began.elapsed() / u32::try_from(commands).unwrap_or(u32::MAX).max(1);
        self.pace = (self.pace + each) / 2;
        let nanos = self.pace.as_nanos().max(1);
        let fitting = limits.ledger_turn().as_nanos() / nanos;
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
        fitting.max(TURN_COMMANDS_MIN).min(at_most)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.is_over = true;
        let left = std::mem::take(&mut state.lines);
        drop(state);
        self.room.places.close();
        // Their senders hear that nobody knows: a dropped reply says so.
        drop(left);
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.lines.iter().all(VecDeque::is_empty)
    }
}

impl Job {
    fn line(&self) -> Line {
        match self {
            Self::Happen { happening, .. } if happening.0.is_none() => Line::Own,
            Self::Note { .. } | Self::Erase { .. } | Self::BeginEpoch { .. } => Line::Own,
            Self::Happen { .. } | Self::Report { .. } => Line::GoingOn,
            Self::Submit { .. } | Self::LeaseCodes { .. } => Line::Beginning,
        }
    }

    /// What it counts for.
    fn bytes(&self) -> usize {
        if self.line() == Line::Own {
            return 0;
        }
        let evidence: &[Given] = match self {
            Self::Submit { submit, .. } => &submit.submission.evidence,
            Self::Report { item, .. } => given(&item.report.statement),
            Self::Happen { happening, .. } => match &happening.1 {
                Action::Report(report) => given(&report.statement),
                _ => &[],
            },
            _ => &[],
        };
        let data = evidence.iter().map(|one| one.data.len()).sum::<usize>();
        COMMAND_BYTES + data
    }

    fn refuse(self, failure: Failure) {
        match self {
            Self::Submit { reply, .. }
            | Self::Report { reply, .. }
            | Self::Happen { reply, .. } => drop(reply.send(Err(failure))),
            Self::LeaseCodes { reply, .. } => drop(reply.send(Err(failure))),
            Self::Note { reply, .. } => drop(reply.send(Err(failure))),
            Self::Erase { reply, .. } => drop(reply.send(Err(failure))),
            Self::BeginEpoch { reply } => drop(reply.send(Err(failure))),
        }
    }
}

fn given(statement: &Statement) -> &[Given] {
    match statement {
        Statement::Completed { evidence, .. } | Statement::Correction { evidence, .. } => evidence,
        Statement::LookedUp { evidence, .. } => evidence.as_slice(),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Note;
    use std::pin::pin;
    use tokio::sync::oneshot;

    type Answer = oneshot::Receiver<Result<(), Failure>>;

    /// One of our own.
    fn note() -> (Job, Answer) {
        let (reply, answer) = oneshot::channel();
        let note = Box::new(Note::default());
        (Job::Note { note, reply }, answer)
    }

    /// One that begins something.
    fn lease() -> Job {
        let (reply, _) = oneshot::channel();
        Job::LeaseCodes {
            desk: "H99".parse().unwrap(),
            count: 1,
            request: dossier::name::Digest::of(b"1"),
            reply,
        }
    }

    fn limits() -> Limits {
        Limits {
            ledger_waiting_max: 4,
            ledger_wait_ms_max: 1_000_000,
            ..Limits::default()
        }
    }

    fn is_lease(job: &Job) -> bool {
        matches!(job, Job::LeaseCodes { .. })
    }

    #[tokio::test]
    async fn what_goes_on_is_taken_before_what_begins_and_one_that_begins_is_in_every_turn() {
        let (door, mut waiting) = room(Limits {
            ledger_batch_max: 3,
            ..limits()
        });
        for _ in 0..2 {
            door.enter(lease()).await.unwrap();
        }
        for _ in 0..4 {
            door.enter(note().0).await.unwrap();
        }
        let turns = [waiting.take(None).unwrap(), waiting.take(None).unwrap()];
        for turn in turns {
            let begins: Vec<_> = turn.iter().map(is_lease).collect();
            assert_eq!(begins, [false, false, true]);
        }
    }

    #[tokio::test]
    async fn a_full_line_refuses_who_can_come_again_and_lets_our_own_wait_for_room() {
        let (door, mut waiting) = room(limits());
        for _ in 0..4 {
            door.enter(lease()).await.unwrap();
            door.enter(note().0).await.unwrap();
        }
        assert!(matches!(door.enter(lease()).await, Err(Failure::Busy)));
        assert!(matches!(door.lets_begin(), Err(Failure::Busy)));
        let mut fifth = pin!(door.enter(note().0));
        assert!(futures_util::poll!(fifth.as_mut()).is_pending());
        assert_eq!(waiting.take(None).unwrap().len(), 8);
        fifth.await.unwrap();
        door.lets_begin().unwrap();
    }

    #[tokio::test]
    async fn bytes_that_wait_are_limited_and_one_command_of_any_size_is_let_in() {
        let (door, mut waiting) = room(Limits {
            ledger_waiting_bytes_max: 1,
            ..limits()
        });
        door.enter(note().0).await.unwrap();
        door.enter(lease()).await.unwrap();
        assert!(matches!(door.enter(lease()).await, Err(Failure::Busy)));
        assert_eq!(waiting.take(None).unwrap().len(), 2);
        door.enter(lease()).await.unwrap();
    }

    #[tokio::test]
    async fn who_waited_too_long_is_refused_and_our_own_are_not() {
        let (door, mut waiting) = room(Limits {
            ledger_wait_ms_max: 0,
            ..limits()
        });
        let (reply, answer) = oneshot::channel();
        let Job::LeaseCodes {
            desk,
            count,
            request,
            ..
        } = lease()
        else {
            unreachable!()
        };
        door.enter(Job::LeaseCodes {
            desk,
            count,
            request,
            reply,
        })
        .await
        .unwrap();
        // The line is shut while somebody has waited so long.
        assert!(matches!(door.enter(lease()).await, Err(Failure::Busy)));
        door.enter(note().0).await.unwrap();
        assert_eq!(waiting.take(None).unwrap().len(), 1);
        assert!(matches!(answer.await.unwrap(), Err(Failure::Busy)));
    }

    #[tokio::test]
    async fn the_ledger_ends_after_the_last_command_when_nobody_can_come_any_more() {
        let (door, mut waiting) = room(limits());
        door.enter(lease()).await.unwrap();
        drop(door);
        assert_eq!(waiting.take(None).unwrap().len(), 1);
        assert!(waiting.take(None).is_none());
    }

    #[tokio::test]
    async fn who_waits_for_room_is_told_when_nobody_is_served_any_more() {
        let (door, waiting) = room(limits());
        for _ in 0..4 {
            door.enter(note().0).await.unwrap();
        }
        let mut fifth = pin!(door.enter(note().0));
        assert!(futures_util::poll!(fifth.as_mut()).is_pending());
        drop(waiting);
        assert!(matches!(fifth.await, Err(Failure::Stopping)));
    }

    #[test]
    fn nothing_came_within_the_patience() {
        let (_door, mut waiting) = room(limits());
        let nothing = waiting.take(Some(Duration::from_millis(1))).unwrap();
        assert!(nothing.is_empty());
    }
}
