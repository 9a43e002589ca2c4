//! Logging in and out: with a certificate, at the provider, or as the local operator of a first look.

use crate::{
    app::App,
    cookie,
    fields::Fields,
    frame::Frame,
    gate::{self, Form},
    oidc::OidcError,
    pages,
    session::Login,
    trouble::{Kind, Trouble},
    visit::{Visit, safe_next},
};
use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Redirect, Response},
};
use contract::v1::WhoAmIRequest;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use node::identity::Role;

#[derive(askama::Template)]
#[template(path = "login.html")]
struct Page {
    f: Frame,
    next: String,
    /// The operator whose certificate the browser showed.
    certificate: Option<String>,
    /// A certificate that is no operator's.
    other_certificate: Option<String>,
    local: Option<String>,
    has_provider: bool,
    trouble: Option<String>,
}

/// Sends the browser on from a page of ours, so that it brings the cookie that another site's link did not.
#[derive(askama::Template)]
#[template(path = "onward.html")]
struct Onward {
    f: Frame,
    to: String,
}

/// `GET /login`
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap, visit: Visit) -> Response {
    let next = safe_next(visit.query.get("next")).to_owned();
    if visit.session.is_some() {
        return Redirect::to(&next).into_response();
    }
    // A link elsewhere led here: a browser that is logged in brings its cookie from the next page on.
    let is_from_elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site.as_bytes() == b"cross-site" || site.as_bytes() == b"same-site");
    if is_from_elsewhere && !visit.query.has("again") {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let to = format!("/login?again=1&next={next}");
        let f = Frame::outside(&visit);
        return pages::render(StatusCode::OK, &Onward { f, to });
    }
    show(&app, &visit, next, StatusCode::OK, None)
}

fn show(
    app: &App,
    visit: &Visit,
    next: String,
    status: StatusCode,
    trouble: Option<String>,
) -> Response {
    let shown = visit.peer.as_ref().map(|peer| &peer.identity);
    let is_operator = |it: &&node::identity::Identity| {
        it.role == Role::Operator && *it.trust_domain == *app.trust_domain
    };
    let certificate = shown.filter(is_operator).map(ToString::to_string);
    let other_certificate = match certificate {
        None => shown.map(ToString::to_string),
        Some(_) => None,
    };
    let page = Page {
        f: Frame {
            // Wherever a form led, the page is this one.
            here: "/login".into(),
            ..Frame::outside(visit)
        },
        next,
        certificate,
        other_certificate,
        local: app
            .config
            .login
            .local_operator
            .as_ref()
            .map(ToString::to_string),
        has_provider: app.oidc.is_some(),
        trouble,
    };
    pages::render(status, &page)
}

/// `POST /login/certificate`
pub(crate) async fn with_certificate(State(app): State<App>, request: Request) -> Response {
    let (visit, fields) = match outside(&app, request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let next = safe_next(fields.get("next")).to_owned();
    let operator = visit.peer.as_ref().map(|peer| &peer.identity);
    let operator = operator.filter(|it| it.role == Role::Operator);
    let Some(operator) = operator.map(ToString::to_string) else {
        let text = visit.language.of(
            "Trình duyệt chưa xuất trình chứng thư của người vận hành.",
            "The browser showed no operator's certificate.",
        );
        return show(&app, &visit, next, StatusCode::FORBIDDEN, Some(text.into()));
    };
    enter(&app, &visit, Login::Certificate, operator, next).await
}

/// `POST /login/local`
pub(crate) async fn locally(State(app): State<App>, request: Request) -> Response {
    let (visit, fields) = match outside(&app, request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let next = safe_next(fields.get("next")).to_owned();
    let Some(operator) = &app.config.login.local_operator else {
        return StatusCode::NOT_FOUND.into_response();
    };
    enter(&app, &visit, Login::Local, operator.to_string(), next).await
}

/// `POST /login/oidc`: on to the provider. A redirect would be a form to another site, which the policy
/// forbids, so a page of ours leads there.
pub(crate) async fn at_provider(State(app): State<App>, request: Request) -> Response {
    let (visit, fields) = match outside(&app, request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let next = safe_next(fields.get("next")).to_owned();
    let Some(oidc) = &app.oidc else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match oidc.begin(&next).await {
        Ok((to, browser)) => {
            let f = Frame::outside(&visit);
            let response = pages::render(StatusCode::OK, &Onward { f, to });
            with_cookies(response, [cookie::login(&browser)])
        }
        Err(error) => refuse(&app, &visit, next, &error),
    }
}

/// `GET /login/oidc/callback`
pub(crate) async fn back_from_provider(
    State(app): State<App>,
    headers: HeaderMap,
    visit: Visit,
) -> Response {
    let Some(oidc) = &app.oidc else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let browser = cookie::read(&headers, cookie::LOGIN).unwrap_or_default();
    match oidc.finish(browser, &visit.query).await {
        Ok(vouched) => {
            let operator = format!("oidc:{}", vouched.subject);
            enter(&app, &visit, Login::Oidc, operator, vouched.next).await
        }
        Err(error) => refuse(&app, &visit, "/".into(), &error),
    }
}

fn refuse(app: &App, visit: &Visit, next: String, error: &OidcError) -> Response {
    tracing::warn!(%error, "a login at the provider did not succeed");
    let (vi, en) = match error {
        OidcError::Away(_) => (
            "Không kết nối được với hệ thống đăng nhập. Hãy thử lại sau.",
            "The login provider cannot be reached. Try again later.",
        ),
        OidcError::NotBegun => (
            "Lượt đăng nhập này không bắt đầu từ trình duyệt này hoặc đã quá lâu. Hãy đăng nhập lại.",
            "This login was not begun in this browser, or too long ago. Log in again.",
        ),
        OidcError::Refused(_) => ("Hệ thống đăng nhập từ chối.", "The login provider refused."),
        OidcError::Answer(_) | OidcError::Token(_) => (
            "Hệ thống đăng nhập trả lời không đúng. Hãy báo cho người quản trị.",
            "The login provider's answer is not good. Tell whoever administers this console.",
        ),
    };
    let text = visit.language.of(vi, en).to_owned();
    show(app, visit, next, StatusCode::FORBIDDEN, Some(text))
}

/// Opens a session for an operator whom the broker knows, and for nobody else.
async fn enter(app: &App, visit: &Visit, login: Login, operator: String, next: String) -> Response {
    let known = match app.line.speak_for(&operator) {
        Some(caller) => caller.who_am_i(WhoAmIRequest {}).await,
        None => Err(Trouble::own(
            "Tên không dùng được.",
            "The name cannot be used.",
        )),
    };
    let who = match known {
        Ok(who) => who,
        Err(trouble) => {
            tracing::warn!(
                operator,
                ?login,
                reason = trouble.reason,
                "an operator was not let in"
            );
            let (status, text) = match trouble.kind {
                Kind::NotGranted => (
                    StatusCode::FORBIDDEN,
                    format!("{} ({operator})", Frame::outside(visit).w.not_an_operator),
                ),
                _ => (
                    StatusCode::SERVICE_UNAVAILABLE,
                    trouble.text(&visit.language).to_owned(),
                ),
            };
            return show(app, visit, next, status, Some(text));
        }
    };
    tracing::info!(operator = who.operator, ?login, "an operator logged in");
    let secret = app.sessions.open(login, operator, who);
    let f = Frame::outside(visit);
    let response = pages::render(StatusCode::OK, &Onward { f, to: next });
    with_cookies(
        response,
        [cookie::session(&secret), cookie::gone(cookie::LOGIN)],
    )
}

/// `POST /logout`
pub(crate) async fn logout(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    if let Some(secret) = cookie::read(&headers, cookie::SESSION) {
        app.sessions.close(secret);
    }
    tracing::info!(
        operator = form.member.session.operator(),
        "an operator logged out"
    );
    let response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/login")]).into_response();
    with_cookies(response, [cookie::gone(cookie::SESSION)])
}

/// A form of somebody who is not logged in.
async fn outside(app: &App, request: Request) -> Result<(Visit, Fields), Response> {
    let visit = request.extensions().get::<Visit>().cloned();
    let visit = visit.ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
    let fields = gate::read(
        request.into_body(),
        app.config.limits.form_bytes_max,
        &visit,
    )
    .await?;
    Ok((visit, fields))
}

fn with_cookies<const N: usize>(
    mut response: Response,
    cookies: [Option<HeaderValue>; N],
) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
