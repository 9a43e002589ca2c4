//! Sessions: who is logged in, kept in memory alone, so that a restart ends them all.

use crate::{
    config::{Limits, Times},
    redrive::Redrives,
};
use contract::v1::{Grant, WhoAmIResponse};
use dashmap::DashMap;
use sha2::{Digest as _, Sha256};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// Bytes of the random names of sessions and of their tokens.
const SECRET_BYTES: usize = 32;
/// Messages that wait for the next page of a session; of more, the oldest goes.
const MESSAGES_MAX: usize = 8;
/// How long what an operator may do is believed before the broker is asked again.
const GRANTS_FRESH: Duration = Duration::from_secs(30);

/// How somebody logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Login {
    /// With a client certificate that says who it is.
    Certificate,
    /// At the OpenID provider.
    Oidc,
    /// By reaching a console that has a local operator.
    Local,
}

/// Somebody logged in.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) login: Login,
    /// For whom calls are made: `spiffe://…` or `oidc:…`.
    pub(crate) on_behalf_of: String,
    /// In every form of the session.
    pub(crate) token: String,
    /// What it is trying again.
    pub(crate) redrives: Redrives,
    /// Ends what the session has open.
    pub(crate) ended: CancellationToken,
    opened_at: Instant,
    state: Mutex<State>,
    streams: AtomicUsize,
}

#[derive(Debug)]
struct State {
    used_at: Instant,
    who: WhoAmIResponse,
    asked_at: Instant,
    messages: Vec<Message>,
}

/// What a page tells first.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) is_good: bool,
    pub(crate) text: String,
}

/// All sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    /// By the digest of their names, so that nothing in memory lets anybody in.
    open: Arc<DashMap<[u8; 32], Arc<Session>>>,
    sessions_max: usize,
    idle_max: Duration,
    session_max: Duration,
}

/// A stream of changes that a session has open.
#[derive(Debug)]
pub(crate) struct OpenStream(Arc<Session>);

impl Sessions {
    pub(crate) fn new(limits: &Limits, times: &Times) -> Self {
        Self {
            open: Arc::default(),
            sessions_max: limits.sessions_max,
            idle_max: times.idle_max(),
            session_max: times.session_max(),
        }
    }

    /// Opens a session and gives the secret that names it.
    pub(crate) fn open(&self, login: Login, on_behalf_of: String, who: WhoAmIResponse) -> String {
        self.sweep();
        while self.open.len() >= self.sessions_max {
            let oldest = self.open.iter().min_by_key(|one| one.used_at());
            let Some(oldest) = oldest.map(|one| *one.key()) else {
                break;
            };
            self.end(&oldest);
        }
        let (secret, now) = (secret(), Instant::now());
        let session = Session {
            login,
            on_behalf_of,
            token: self::secret(),
            redrives: Redrives::default(),
            ended: CancellationToken::new(),
            opened_at: now,
            state: Mutex::new(State {
                used_at: now,
                who,
                asked_at: now,
                messages: Vec::new(),
            }),
            streams: AtomicUsize::new(0),
        };
        self.open.insert(digest(&secret), Arc::new(session));
        secret
    }

    /// The session of this name, if it is still open; it is in use from now on.
    pub(crate) fn find(&self, secret: &str) -> Option<Arc<Session>> {
        let key = digest(secret);
        let session = self.open.get(&key)?.clone();
        if self.is_over(&session) {
            self.end(&key);
            return None;
        }
        session.touch();
        Some(session)
    }

    /// Ends the session of this name.
    pub(crate) fn close(&self, secret: &str) {
        self.end(&digest(secret));
    }

    /// Ends every session that is over.
    pub(crate) fn sweep(&self) {
        let over = self.open.iter().filter(|one| self.is_over(one));
        let over: Vec<_> = over.map(|one| *one.key()).collect();
        over.iter().for_each(|key| self.end(key));
    }

    fn end(&self, key: &[u8; 32]) {
        if let Some((_, session)) = self.open.remove(key) {
            session.ended.cancel();
        }
    }

    fn is_over(&self, session: &Session) -> bool {
        session.used_at().elapsed() > self.idle_max
            || session.opened_at.elapsed() > self.session_max
    }
}

impl Session {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used_at(&self) -> Instant {
        self.state().used_at
    }

    /// Somebody is there.
    pub(crate) fn touch(&self) {
        self.state().used_at = Instant::now();
    }

    /// Whether a form is this session's own.
    pub(crate) fn owns(&self, token: &str) -> bool {
        // Compared as digests, so that how long it takes tells nothing.
        digest(token) == digest(&self.token)
    }

    /// Who it is, as the broker says; none when that was too long ago.
    pub(crate) fn fresh_who(&self) -> Option<WhoAmIResponse> {
        let state = self.state();
        (state.asked_at.elapsed() < GRANTS_FRESH).then(|| state.who.clone())
    }

    pub(crate) fn learn(&self, who: WhoAmIResponse) {
        let mut state = self.state();
        state.who = who;
        state.asked_at = Instant::now();
    }

    /// The broker grants nothing any more.
    pub(crate) fn forget_grants(&self) {
        let mut state = self.state();
        state.who.grants.clear();
        state.asked_at = Instant::now();
    }

    /// The broker does not say: what was known is believed a while longer.
    pub(crate) fn believe_longer(&self) {
        self.state().asked_at = Instant::now();
    }

    /// The operator, as the audit log names it.
    pub(crate) fn operator(&self) -> String {
        self.state().who.operator.clone()
    }

    pub(crate) fn may(&self, grant: Grant) -> bool {
        self.state().who.grants.contains(&(grant as i32))
    }

    /// The next page tells this first.
    pub(crate) fn tell(&self, is_good: bool, text: impl Into<String>) {
        let mut state = self.state();
        if state.messages.len() >= MESSAGES_MAX {
            state.messages.remove(0);
        }
        let text = text.into();
        state.messages.push(Message { is_good, text });
    }

    pub(crate) fn take_messages(&self) -> Vec<Message> {
        std::mem::take(&mut self.state().messages)
    }

    /// A place for one more stream; none when as many are open as may be.
    pub(crate) fn open_stream(self: &Arc<Self>, max: usize) -> Option<OpenStream> {
        let open = OpenStream(self.clone());
        (self.streams.fetch_add(1, Ordering::Relaxed) < max).then_some(open)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// 256 random bits, as text.
pub(crate) fn secret() -> String {
    hex::encode(rand::random::<[u8; SECRET_BYTES]>())
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(sessions_max: usize) -> Sessions {
        let limits = Limits {
            sessions_max,
            ..Limits::default()
        };
        Sessions::new(&limits, &Times::default())
    }

    fn open(sessions: &Sessions) -> String {
        sessions.open(
            Login::Local,
            "spiffe://a/operator/b".into(),
            WhoAmIResponse::default(),
        )
    }

    #[test]
    fn only_the_secret_finds_a_session_and_a_closed_one_is_gone() {
        let sessions = sessions(10);
        let secret = open(&sessions);
        let session = sessions.find(&secret).unwrap();
        assert!(sessions.find("").is_none() && sessions.find(&session.token).is_none());
        assert!(session.owns(&session.token.clone()) && !session.owns(&secret));
        sessions.close(&secret);
        assert!(sessions.find(&secret).is_none() && session.ended.is_cancelled());
    }

    #[test]
    fn of_too_many_sessions_the_idlest_ends() {
        let sessions = sessions(2);
        let (first, second) = (open(&sessions), open(&sessions));
        sessions.find(&first).unwrap();
        let third = open(&sessions);
        assert!(sessions.find(&second).is_none());
        assert!(sessions.find(&first).is_some() && sessions.find(&third).is_some());
    }

    #[test]
    fn an_idle_session_and_an_old_one_end() {
        let mut idle = sessions(2);
        idle.idle_max = Duration::ZERO;
        let secret = open(&idle);
        assert!(idle.find(&secret).is_none());
        let mut old = sessions(2);
        old.session_max = Duration::ZERO;
        let secret = open(&old);
        assert!(old.find(&secret).is_none());
    }

    #[test]
    fn a_session_has_so_many_streams_and_no_more() {
        let sessions = sessions(1);
        let session = sessions.find(&open(&sessions)).unwrap();
        let first = session.open_stream(1).unwrap();
        assert!(session.open_stream(1).is_none());
        drop(first);
        assert!(session.open_stream(1).is_some());
    }
}
