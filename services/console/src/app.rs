//! What every request needs, and which file answers it.

use crate::{
    assets, config::Config, events, gate, hub::Hub, line::Line, login, oidc::Oidc, pages,
    saved::SavedFilters, session::Sessions,
};
use axum::{
    Router, middleware,
    routing::{get, post},
};
use node::{identity::DenyList, shutdown::Shutdown};
use std::sync::Arc;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    /// How browsers address the page.
    pub(crate) origin: Arc<str>,
    pub(crate) line: Line,
    pub(crate) hub: Hub,
    pub(crate) sessions: Sessions,
    pub(crate) saved: SavedFilters,
    /// The trust domain whose operators may log in with a certificate.
    pub(crate) trust_domain: Arc<str>,
    pub(crate) denied: DenyList,
    pub(crate) oidc: Option<Arc<Oidc>>,
    pub(crate) shutdown: Shutdown,
}

impl App {
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(pages::now::page))
            .route("/dossiers", get(pages::dossiers::page))
            .route(
                "/dossiers/find",
                get(pages::person::page).post(pages::person::find),
            )
            .route("/dossiers/filters", post(pages::dossiers::save_filter))
            .route(
                "/dossiers/filters/remove",
                post(pages::dossiers::remove_filter),
            )
            .route("/dossiers/{code}", get(pages::dossier::page))
            .route("/dossiers/{code}/move", post(pages::acts::move_step))
            .route("/dossiers/{code}/extend", post(pages::acts::extend_step))
            .route("/dossiers/{code}/retry", post(pages::acts::retry_dossier))
            .route("/dossiers/{code}/release", post(pages::acts::release))
            .route("/departments", get(pages::departments::page))
            .route(
                "/departments/{code}/retry",
                post(pages::acts::retry_department),
            )
            .route(
                "/departments/{code}/suspend",
                post(pages::acts::suspend_department),
            )
            .route(
                "/procedures/{code}/suspend",
                post(pages::acts::suspend_procedure),
            )
            .route("/incidents", get(pages::incidents::page))
            .route("/incidents/redrive", post(pages::redrive::begin))
            .route("/incidents/redrive/{number}", get(pages::redrive::page))
            .route("/measures", get(pages::measures::page))
            .route("/measures.csv", get(pages::measures::csv))
            .route("/audit", get(pages::audit::page))
            .route("/events", get(events::events))
            .route("/login", get(login::page))
            .route("/login/certificate", post(login::with_certificate))
            .route("/login/local", post(login::locally))
            .route("/login/oidc", post(login::at_provider))
            .route("/login/oidc/callback", get(login::back_from_provider))
            .route("/logout", post(login::logout))
            .route("/assets/{name}", get(assets::asset))
            .fallback(pages::unknown)
            .layer(middleware::from_fn_with_state(self.clone(), gate::pass))
            .with_state(self)
    }
}
