//! What every request passes: the host that is meant, the size, the session, and the headers that keep a
//! browser from doing what nobody asked for.

use crate::{
    app::App,
    config::host_of,
    cookie,
    fields::Fields,
    language::Language,
    pages,
    session::{Login, Session},
    visit::{Theme, Visit},
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use jiff::Timestamp;
use node::identity::Peer;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Bytes of an address; the longest that the page itself makes has some hundred.
const URI_BYTES_MAX: usize = 8_192;

/// How long a form may take to come.
const FORM_MAX: Duration = Duration::from_secs(20);

/// Scripts, styles and pictures from here alone; nothing inline; forms to here alone; no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (header::VARY, "cookie, hx-request"),
];

/// Told where the page is served to others; a browser would hold every other server on localhost to it.
const HSTS: &str = "max-age=31536000";

pub(crate) async fn pass(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let peer = peer.filter(|peer| peer.check(Timestamp::now(), &app.denied).is_ok());
    let session = session_of(&app, request.headers(), peer.as_deref());
    let visit = Visit::read(request.uri(), request.headers(), peer, session);

    let refused = refusal(&app, &request);
    let mut response = if let Some((status, vi, en)) = refused {
        pages::plain(&visit, status, vi, en)
    } else if let Some(response) = preference(request.method(), request.uri(), &visit) {
        response
    } else {
        request.extensions_mut().insert(visit);
        next.run(request).await
    };

    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !app.config.web.listen.ip().is_loopback() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(HSTS),
        );
    }
    // What is shown is of this moment and of this person.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A session that was opened with a certificate is good only where that certificate is shown.
fn session_of(app: &App, headers: &HeaderMap, peer: Option<&Peer>) -> Option<Arc<Session>> {
    let session = app.sessions.find(cookie::read(headers, cookie::SESSION)?)?;
    let is_good = session.login != Login::Certificate
        || peer.is_some_and(|peer| peer.identity.uri() == session.on_behalf_of);
    is_good.then_some(session)
}

type Refusal = (StatusCode, &'static str, &'static str);

fn refusal(app: &App, request: &Request) -> Option<Refusal> {
    let uri = request.uri();
    if uri.path_and_query().map_or(0, |it| it.as_str().len()) > URI_BYTES_MAX {
        return Some((
            StatusCode::URI_TOO_LONG,
            "Địa chỉ quá dài.",
            "The address is too long.",
        ));
    }
    // Another name that leads here is somebody else's page, who would read ours with it.
    if !is_our_host(app, host(request)) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "Trang này không có tên miền đó.",
            "This page does not answer to that name.",
        ));
    }
    let method = request.method();
    if method == Method::POST && !is_from_here(app, request.headers()) {
        return Some((
            StatusCode::FORBIDDEN,
            "Yêu cầu không đến từ trang này.",
            "The request does not come from this page.",
        ));
    }
    if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
        return Some((
            StatusCode::METHOD_NOT_ALLOWED,
            "Phương thức không được dùng.",
            "The method is not served.",
        ));
    }
    None
}

fn host(request: &Request) -> &str {
    let named = request.headers().get(header::HOST);
    let named = named.and_then(|host| host.to_str().ok());
    // HTTP/2 says it in the address.
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    authority.or(named).unwrap_or_default()
}

fn is_our_host(app: &App, host: &str) -> bool {
    if host_of(&app.origin) == Some(host) {
        return true;
    }
    let bare = host.rsplit_once(':').map_or(host, |(bare, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            bare
        } else {
            host
        }
    });
    app.config.web.origin.is_none() && ["localhost", "127.0.0.1", "[::1]"].contains(&bare)
}

/// A browser says of each form where it comes from.
fn is_from_here(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text("sec-fetch-site");
    let origin = text("origin");
    let is_ours = |origin: &str| {
        origin == &*app.origin || host_of(origin).is_some_and(|host| is_our_host(app, host))
    };
    let is_named = site.is_some() || origin.is_some();
    is_named && site.is_none_or(|site| site == "same-origin") && origin.is_none_or(is_ours)
}

/// `?language=` and `?theme=` are kept by the browser, and the page is shown without them.
fn preference(method: &Method, uri: &Uri, visit: &Visit) -> Option<Response> {
    if method != Method::GET {
        return None;
    }
    let language = Language::of_tag(visit.query.get("language"));
    let theme = Theme::of_word(visit.query.get("theme"));
    if language.is_none() && theme.is_none() {
        return None;
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "language" && name != "theme" {
            query.append_pair(&name, &value);
        }
    }
    let (path, query) = (uri.path(), query.finish());
    // A path that begins with two slashes would be another host.
    let path = format!("/{}", path.trim_start_matches('/'));
    let there = if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, there)]).into_response();
    let cookies = [
        language.and_then(|it| cookie::preference(cookie::LANGUAGE, it.tag())),
        theme.and_then(|it| cookie::preference(cookie::THEME, it.as_str())),
    ];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Some(response)
}

/// What a form holds, of somebody who is logged in and whose page the form is from.
pub(crate) struct Form {
    pub(crate) member: crate::visit::Member,
    pub(crate) fields: Fields,
}

impl axum::extract::FromRequest<App> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let member =
            <crate::visit::Member as axum::extract::FromRequestParts<App>>::from_request_parts(
                &mut parts, app,
            )
            .await?;
        let fields = read(body, app.config.limits.form_bytes_max, &member.visit).await?;
        if !member.session.owns(fields.get("token")) {
            return Err(pages::plain(
                &member.visit,
                StatusCode::FORBIDDEN,
                "Biểu mẫu không thuộc phiên làm việc này. Hãy mở lại trang và thử lại.",
                "The form is not of this session. Open the page again and try once more.",
            ));
        }
        Ok(Self { member, fields })
    }
}

/// Reads a form of at most so many bytes.
pub(crate) async fn read(
    body: axum::body::Body,
    bytes_max: usize,
    visit: &Visit,
) -> Result<Fields, Response> {
    match timeout(FORM_MAX, axum::body::to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(Fields::parse(&bytes)),
        Ok(Err(_)) => Err(pages::plain(
            visit,
            StatusCode::PAYLOAD_TOO_LARGE,
            "Biểu mẫu quá lớn.",
            "The form is too large.",
        )),
        Err(_) => Err(pages::plain(
            visit,
            StatusCode::REQUEST_TIMEOUT,
            "Biểu mẫu đến quá chậm.",
            "The form came too slowly.",
        )),
    }
}
