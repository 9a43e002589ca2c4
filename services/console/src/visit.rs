//! A request as handlers see it: who, in which language, asking for what.

use crate::{
    cookie, fields::Fields, language::Language, line::Caller, session::Session, trouble::Kind,
};
use axum::{
    extract::FromRequestParts,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, request::Parts};
use node::identity::Peer;
use std::sync::Arc;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system is.
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Auto, Self::Light, Self::Dark];
        all.into_iter().find(|theme| theme.as_str() == word)
    }

    /// The next one that the button gives.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Auto => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::Auto,
        }
    }
}

/// A request of anybody.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    /// What was asked for, path and query.
    pub(crate) uri: Uri,
    pub(crate) query: Fields,
    /// A page that is open looks again at what it shows.
    pub(crate) is_refresh: bool,
    /// Whose certificate the connection showed.
    pub(crate) peer: Option<Arc<Peer>>,
    pub(crate) session: Option<Arc<Session>>,
}

/// A request of somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) visit: Visit,
    pub(crate) session: Arc<Session>,
    pub(crate) query: Fields,
    pub(crate) caller: Caller,
}

impl Visit {
    pub(crate) fn read(
        uri: &Uri,
        headers: &HeaderMap,
        peer: Option<Arc<Peer>>,
        session: Option<Arc<Session>>,
    ) -> Self {
        let language = cookie::read(headers, cookie::LANGUAGE).and_then(Language::of_tag);
        let accepted = || {
            let header = headers.get(http::header::ACCEPT_LANGUAGE);
            Language::accepted(header.and_then(|it| it.to_str().ok()).unwrap_or_default())
        };
        let theme = cookie::read(headers, cookie::THEME).and_then(Theme::of_word);
        Self {
            language: language.unwrap_or_else(accepted),
            theme: theme.unwrap_or(Theme::Auto),
            uri: uri.clone(),
            query: Fields::parse(uri.query().unwrap_or_default().as_bytes()),
            is_refresh: headers.contains_key("hx-request"),
            peer,
            session,
        }
    }

    /// What was asked for, as a link within the page.
    pub(crate) fn here(&self) -> String {
        let whole = self.uri.path_and_query();
        whole.map_or_else(|| "/".into(), |whole| whole.as_str().into())
    }
}

/// Where to go after logging in: only within the page.
pub(crate) fn safe_next(next: &str) -> &str {
    let is_within = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.starts_with("/log")
        && next.len() < 2_000
        && next.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if is_within { next } else { "/" }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl FromRequestParts<crate::app::App> for Member {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &crate::app::App,
    ) -> Result<Self, Response> {
        let visit = Visit::from_request_parts(parts, app)
            .await
            .map_err(axum::response::IntoResponse::into_response)?;
        let Some(session) = visit.session.clone() else {
            return Err(to_the_door(&visit, &parts.method, &parts.headers));
        };
        let Some(caller) = app.line.speak_for(&session.on_behalf_of) else {
            return Err(StatusCode::FORBIDDEN.into_response());
        };
        if session.fresh_who().is_none() {
            match caller.who_am_i(contract::v1::WhoAmIRequest {}).await {
                Ok(who) => session.learn(who),
                Err(trouble) if trouble.kind == Kind::NotGranted => session.forget_grants(),
                // Without an answer what was known stays: the broker judges every call itself.
                Err(_) => session.believe_longer(),
            }
        }
        Ok(Self {
            query: visit.query.clone(),
            visit,
            session,
            caller,
        })
    }
}

/// Nobody is logged in: a person is shown where to, and anything else gets nothing.
fn to_the_door(visit: &Visit, method: &Method, headers: &HeaderMap) -> Response {
    let encoded: String = form_urlencoded::byte_serialize(visit.here().as_bytes()).collect();
    let door = format!("/login?next={encoded}");
    let wants_page = headers
        .get(http::header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if method == Method::GET && wants_page && !visit.is_refresh {
        return Redirect::to(&door).into_response();
    }
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    if visit.is_refresh
        && let Ok(door) = HeaderValue::from_str(&door)
    {
        response.headers_mut().insert("hx-redirect", door);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_logging_in_nobody_is_sent_elsewhere() {
        assert_eq!(safe_next("/dossiers?stuck=1"), "/dossiers?stuck=1");
        for next in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\r\nset-cookie: a=b",
            "javascript:alert(1)",
            "/login?next=/login",
            "/logout",
        ] {
            assert_eq!(safe_next(next), "/", "{next}");
        }
    }
}
