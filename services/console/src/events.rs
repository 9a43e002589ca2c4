//! The stream of server-sent events that each open page has: which of what it shows has changed.

use crate::{
    app::App,
    hub::Change,
    session::{OpenStream, Session},
    visit::Member,
};
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, sleep_until, timeout},
};

/// A comment is sent after so long without an event, so that a broken line is noticed.
const QUIET_MAX: Duration = Duration::from_secs(10);
/// How many times more seldom it is told that some dossiers went on.
const CALM: u32 = 4;
/// After so long the browser is to come again, and is looked at anew.
const STREAM_MAX: Duration = Duration::from_secs(15 * 60);
/// After how many milliseconds a browser comes again.
const RETRY_MS: u32 = 1_000;

/// What one open page hears.
struct Page {
    changes: broadcast::Receiver<Change>,
    redrive: Option<watch::Receiver<crate::redrive::Progress>>,
    /// The dossier that it shows.
    dossier: Option<String>,
    session: Arc<Session>,
    _open: OpenStream,
    app: App,
    begun: Instant,
    told_at: Option<Instant>,
    is_first: bool,
}

/// `GET /events?dossier=CODE&redrive=NUMBER`: both may be left out.
pub(crate) async fn events(State(app): State<App>, member: Member) -> Response {
    let session = &member.session;
    let refused = |status: StatusCode| status.into_response();
    let Some(open) = session.open_stream(app.config.limits.streams_per_session_max) else {
        return refused(StatusCode::TOO_MANY_REQUESTS);
    };
    let Some(changes) = app.hub.listen(&session.on_behalf_of) else {
        return refused(StatusCode::FORBIDDEN);
    };
    let number = member.query.get("redrive").parse().ok();
    let redrive = number.and_then(|number| session.redrives.find(number));
    let dossier = Some(member.query.get("dossier").to_owned()).filter(|code| !code.is_empty());
    let page = Page {
        changes,
        redrive: redrive.map(|redrive| redrive.watch()),
        dossier,
        session: session.clone(),
        _open: open,
        app: app.clone(),
        begun: Instant::now(),
        told_at: None,
        is_first: true,
    };
    let events = stream::unfold(page, async |mut page: Page| {
        let text = page.next().await?;
        let frame = Ok::<_, Infallible>(Frame::data(Bytes::from(text)));
        Some((frame, page))
    });
    let mut response = Response::new(axum::body::Body::new(StreamBody::new(events)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    response
}

impl Page {
    /// The next piece of the stream; none at its end.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.is_first) {
            // Between rendering the page and now something may have changed.
            return Some(format!(
                "retry: {RETRY_MS}\n{}",
                self.events(&Change::everything())
            ));
        }
        if self.begun.elapsed() > STREAM_MAX || self.app.shutdown.is_triggered() {
            return None;
        }
        let ended = self.session.ended.clone();
        let shutdown = self.app.shutdown.clone();
        let heard = tokio::select! {
            () = ended.cancelled() => return None,
            () = shutdown.triggered() => return None,
            heard = timeout(QUIET_MAX, self.hear()) => heard,
        };
        // An open page is somebody who is there.
        self.session.touch();
        match heard {
            Ok(change) => Some(self.events(&change?)),
            Err(_) => Some(": quiet\n\n".to_owned()),
        }
    }

    /// What changed, with whatever else changes within the shortest time between two tellings. That some
    /// dossiers went on, which under load is always so, is told more seldom than all else.
    async fn hear(&mut self) -> Option<Change> {
        let mut change = self.one().await?;
        let pause = Duration::from_millis(self.app.config.times.telling_ms_min);
        loop {
            let pause = match self.is_urgent(&change) {
                true => pause,
                false => pause * CALM,
            };
            let until = self.told_at.map_or_else(Instant::now, |told| told + pause);
            tokio::select! {
                biased;
                () = sleep_until(until) => break,
                more = self.one() => change.join(more?),
            }
        }
        while let Ok(more) = self.changes.try_recv() {
            change.join(more);
        }
        self.told_at = Some(Instant::now());
        Some(change)
    }

    fn is_urgent(&self, change: &Change) -> bool {
        let is_this = |code: &String| change.codes.contains(code);
        change.incidents
            || change.departments
            || change.link
            || self.dossier.as_ref().is_some_and(is_this)
    }

    async fn one(&mut self) -> Option<Change> {
        loop {
            let redriven = async {
                match &mut self.redrive {
                    Some(progress) => progress.changed().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            let change = tokio::select! {
                is_open = redriven => {
                    if !is_open {
                        self.redrive = None;
                    }
                    Change { incidents: true, ..Change::default() }
                }
                told = self.changes.recv() => match told {
                    Ok(change) => change,
                    Err(broadcast::error::RecvError::Lagged(_)) => Change::everything(),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            };
            if !change.is_nothing() {
                return Some(change);
            }
        }
    }

    fn events(&self, change: &Change) -> String {
        let all = change.everything;
        let this = self.dossier.as_ref();
        let is_this = this.is_some_and(|code| all || change.codes.contains(code));
        let names = [
            ("incidents", all || change.incidents),
            ("departments", all || change.departments),
            ("dossiers", all || change.dossiers),
            ("dossier", is_this),
            ("link", change.link),
        ];
        let named = names.into_iter().filter(|(_, is_so)| *is_so);
        named
            .map(|(name, _)| format!("event: {name}\ndata: \n\n"))
            .collect()
    }
}
