//! Cookies: what a browser brings, and what it is given.

use http::{HeaderMap, HeaderValue, header};

/// Names the session. The prefix binds it to this host and to TLS.
pub(crate) const SESSION: &str = "__Host-session";
/// Binds a login at the provider to the browser that began it.
pub(crate) const LOGIN: &str = "__Host-login";
/// The language.
pub(crate) const LANGUAGE: &str = "__Host-language";
/// Light, dark, or as the system is.
pub(crate) const THEME: &str = "__Host-theme";

/// How long a browser keeps language and theme, seconds: a year.
const PREFERENCE_S: u32 = 365 * 24 * 3_600;
/// How long a login at the provider may take, seconds.
pub(crate) const LOGIN_S_MAX: u32 = 600;

/// The value of a cookie that a browser brought.
pub(crate) fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Lasts as long as the browser; never sent on behalf of another site.
pub(crate) fn session(value: &str) -> Option<HeaderValue> {
    made(SESSION, value, "SameSite=Strict")
}

/// Sent when the provider sends the browser back, which a strict one would not be.
pub(crate) fn login(value: &str) -> Option<HeaderValue> {
    made(
        LOGIN,
        value,
        &format!("SameSite=Lax; Max-Age={LOGIN_S_MAX}"),
    )
}

pub(crate) fn preference(name: &str, value: &str) -> Option<HeaderValue> {
    made(
        name,
        value,
        &format!("SameSite=Strict; Max-Age={PREFERENCE_S}"),
    )
}

/// Takes a cookie back.
pub(crate) fn gone(name: &str) -> Option<HeaderValue> {
    made(name, "", "SameSite=Strict; Max-Age=0")
}

fn made(name: &str, value: &str, how: &str) -> Option<HeaderValue> {
    format!("{name}={value}; Path=/; Secure; HttpOnly; {how}")
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_rubbish_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            "a=1; __Host-session=abc; b".parse().unwrap(),
        );
        assert_eq!(read(&headers, SESSION), Some("abc"));
        assert_eq!(read(&headers, THEME), None);
        headers.insert(
            header::COOKIE,
            HeaderValue::from_bytes(b"\xff=;;=").unwrap(),
        );
        assert_eq!(read(&headers, SESSION), None);
    }

    #[test]
    fn a_session_cookie_is_kept_from_scripts_other_sites_and_plain_lines() {
        let cookie = session("abc").unwrap();
        let cookie = cookie.to_str().unwrap();
        for part in [
            "__Host-session=abc",
            "Path=/",
            "Secure",
            "HttpOnly",
            "SameSite=Strict",
        ] {
            assert!(cookie.contains(part), "{cookie}");
        }
    }
}
