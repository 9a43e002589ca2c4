//! Logging in at a provider of OpenID Connect: authorisation code with PKCE (OpenID Connect Core 1.0 §3.1,
//! RFC 7636), for a token that names a person and opens nothing else.

mod http;
mod token;

use self::{
    http::{Client, HttpError},
    token::Keys,
};
use crate::{config, cookie::LOGIN_S_MAX, session::secret};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use dashmap::DashMap;
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{
    fs, io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Where the provider sends the browser back to.
pub(crate) const CALLBACK: &str = "/login/oidc/callback";
/// Where a provider says what it is (OpenID Connect Discovery 1.0 §4).
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// How long what a provider said of itself, and its keys, are believed.
const FRESH: Duration = Duration::from_secs(3_600);
/// Logins under way; of more, the oldest is forgotten.
const PENDING_MAX: usize = 1_000;
/// Bytes of a subject: the standard allows 255.
const SUBJECT_BYTES_MAX: usize = 255;

/// A provider, as this console knows it.
#[derive(Debug)]
pub(crate) struct Oidc {
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    redirect_uri: String,
    client: Client,
    pending: DashMap<[u8; 32], Pending>,
    known: Mutex<Option<Known>>,
}

/// A login that has begun.
#[derive(Debug)]
struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    next: String,
    begun: Instant,
}

/// What a provider said of itself.
#[derive(Debug, Clone)]
struct Known {
    provider: Provider,
    keys: Keys,
    at: Instant,
}

#[derive(Debug, Clone, Deserialize)]
struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// Somebody whom the provider vouches for.
#[derive(Debug)]
pub(crate) struct Vouched {
    pub(crate) subject: String,
    /// Where to go now.
    pub(crate) next: String,
}

/// Why a login at the provider did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// Try again; see that the provider can be reached.
    #[error("the provider cannot be reached: {0}")]
    Away(#[from] HttpError),
    /// Mend the provider's registration of this console, or the configuration.
    #[error("the provider answered something else than it should: {0}")]
    Answer(String),
    /// Begin the login again, in this browser.
    #[error("the login was not begun in this browser, or too long ago")]
    NotBegun,
    /// Ask whoever runs the provider.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The token is not for this console, not from this provider, or too old.
    #[error("the provider's token is not good: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

impl Oidc {
    /// # Errors
    /// A file that the configuration names cannot be read or used.
    pub(crate) fn new(config: &config::Oidc, origin: &str) -> io::Result<Self> {
        let client_secret = match &config.client_secret_file {
            Some(file) => Some(fs::read_to_string(file)?.trim().to_owned()),
            None => None,
        };
        let is_plain = config.issuer.starts_with("http:");
        Ok(Self {
            issuer: config.issuer.clone(),
            client_id: config.client_id.clone(),
            client_secret,
            redirect_uri: format!("{origin}{CALLBACK}"),
            client: Client::new((!is_plain).then_some(config.ca.as_path()))?,
            pending: DashMap::new(),
            known: Mutex::new(None),
        })
    }

    /// Begins a login: where the browser is to go, and the secret that binds it to this login.
    pub(crate) async fn begin(&self, next: &str) -> Result<(String, String), OidcError> {
        let provider = self.known(false).await?.provider;
        let browser = secret();
        let pending = Pending {
            state: secret(),
            nonce: secret(),
            verifier: secret(),
            next: next.to_owned(),
            begun: Instant::now(),
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&pending.verifier));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", "openid")
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let endpoint = &provider.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        self.forget_old();
        self.pending.insert(digest(&browser), pending);
        Ok((format!("{endpoint}{joint}{query}"), browser))
    }

    /// Ends a login: what the provider sent back, from the browser that began it.
    pub(crate) async fn finish(
        &self,
        browser: &str,
        sent: &crate::fields::Fields,
    ) -> Result<Vouched, OidcError> {
        let pending = self.pending.remove(&digest(browser));
        let (_, pending) = pending.ok_or(OidcError::NotBegun)?;
        let is_late = pending.begun.elapsed() > Duration::from_secs(LOGIN_S_MAX.into());
        if is_late || digest(sent.get("state")) != digest(&pending.state) {
            return Err(OidcError::NotBegun);
        }
        // Of another provider, if it says so (RFC 9207).
        if sent.has("iss") && sent.get("iss") != self.issuer {
            return Err(OidcError::NotBegun);
        }
        if sent.has("error") {
            let word: String = sent.get("error").chars().take(64).collect();
            return Err(OidcError::Refused(word));
        }
        let tokens = self.exchange(sent.get("code"), &pending.verifier).await?;
        let claims = self.check(&tokens.id_token, &pending.nonce).await?;
        Ok(Vouched {
            subject: claims,
            next: pending.next,
        })
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<Tokens, OidcError> {
        let provider = self.known(false).await?.provider;
        let (authorization, form) = self.token_request(&provider, code, verifier);
        let endpoint = &provider.token_endpoint;
        read(&self.client.post(endpoint, authorization, form).await?)
    }

    /// The header, if any, and the form by which a code becomes a token.
    fn token_request(
        &self,
        provider: &Provider,
        code: &str,
        verifier: &str,
    ) -> (Option<String>, String) {
        let methods = &provider.token_endpoint_auth_methods_supported;
        // What a provider takes that does not say (OpenID Connect Discovery 1.0 §3).
        let is_basic = methods.is_empty() || methods.iter().any(|it| it == "client_secret_basic");
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_verifier", verifier);
        let secret = self.client_secret.as_ref();
        if let Some(secret) = secret.filter(|_| is_basic) {
            let encoded =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&self.client_id), encoded(secret));
            return (
                Some(format!("Basic {}", STANDARD.encode(pair))),
                form.finish(),
            );
        }
        form.append_pair("client_id", &self.client_id);
        if let Some(secret) = secret {
            form.append_pair("client_secret", secret);
        }
        (None, form.finish())
    }

    /// The subject of a token that is for us and of this login.
    async fn check(&self, id_token: &str, nonce: &str) -> Result<String, OidcError> {
        let known = self.known(false).await?;
        let mut claims = known.keys.check(id_token, &self.issuer, &self.client_id)?;
        if claims.is_none() {
            // It may have new keys.
            let known = self.known(true).await?;
            claims = known.keys.check(id_token, &self.issuer, &self.client_id)?;
        }
        let claims = claims.ok_or_else(|| OidcError::Answer("an unknown key".into()))?;
        if digest(&claims.nonce) != digest(nonce) {
            return Err(OidcError::NotBegun);
        }
        if claims.azp.is_some_and(|azp| azp != self.client_id) {
            return Err(OidcError::Answer("a token for another".into()));
        }
        let subject = claims.sub;
        let can_travel = (1..=SUBJECT_BYTES_MAX).contains(&subject.len())
            && subject.bytes().all(|byte| (0x21..0x7f).contains(&byte));
        if can_travel {
            Ok(subject)
        } else {
            Err(OidcError::Answer("a subject of another shape".into()))
        }
    }

    async fn known(&self, anew: bool) -> Result<Known, OidcError> {
        let is_fresh = |known: &Known| !anew && known.at.elapsed() < FRESH;
        if let Some(known) = self.remembered().filter(is_fresh) {
            return Ok(known);
        }
        let discovery = format!("{}{DISCOVERY}", self.issuer.trim_end_matches('/'));
        let provider: Provider = read(&self.client.get(&discovery).await?)?;
        if provider.issuer != self.issuer {
            return Err(OidcError::Answer("another issuer".into()));
        }
        let keys = Keys(read(&self.client.get(&provider.jwks_uri).await?)?);
        let known = Known {
            provider,
            keys,
            at: Instant::now(),
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }

    fn remembered(&self) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    fn forget_old(&self) {
        let max = Duration::from_secs(LOGIN_S_MAX.into());
        self.pending.retain(|_, one| one.begun.elapsed() < max);
        while self.pending.len() >= PENDING_MAX {
            let oldest = self.pending.iter().min_by_key(|one| one.begun);
            let Some(oldest) = oldest.map(|one| *one.key()) else {
                break;
            };
            self.pending.remove(&oldest);
        }
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, OidcError> {
    serde_json::from_slice(bytes).map_err(|error| OidcError::Answer(error.to_string()))
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}
