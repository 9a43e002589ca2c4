//! Who is not logged in, or whose form is forged, gets nothing; and what every answer tells a browser.

use super::site::Site;
use crate::town::{Town, patience::stalled};
use node::shutdown::Shutdown;

/// Every page, and every address that answers to a form.
const PAGES: [&str; 11] = [
    "/",
    "/dossiers",
    "/dossiers/H99.01.01-20261122-0000001",
    "/dossiers/find",
    "/departments",
    "/incidents",
    "/incidents/redrive/1",
    "/measures",
    "/measures.csv",
    "/audit",
    "/events",
];
pub(super) const FORMS: [&str; 11] = [
    "/dossiers/find",
    "/dossiers/filters",
    "/dossiers/filters/remove",
    "/dossiers/H99.01.01-20261122-0000001/move",
    "/dossiers/H99.01.01-20261122-0000001/extend",
    "/dossiers/H99.01.01-20261122-0000001/retry",
    "/dossiers/H99.01.01-20261122-0000001/release",
    "/departments/G01.99.01/retry",
    "/departments/G01.99.01/suspend",
    "/procedures/birth/suspend",
    "/incidents/redrive",
];

#[tokio::test]
async fn without_a_login_there_is_the_door_and_nothing_else() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut nobody = site.stranger();
    for cookie in [
        "",
        "__Host-session=",
        "__Host-session=0000",
        "__Host-session=\u{1f600}",
    ] {
        nobody.cookie = cookie.into();
        for path in PAGES {
            let answer = nobody.get(path).await;
            assert_eq!(answer.status, 303, "{path}");
            assert!(
                answer.header("location").starts_with("/login?next="),
                "{path}"
            );
            assert!(answer.body.is_empty(), "{path}");
            let refresh = nobody.request("GET", path, "hx-request: true\r\n", "");
            let answer = nobody.send(&refresh).await.unwrap();
            assert_eq!(answer.status, 401, "{path}");
            assert!(answer.body.is_empty(), "{path}");
        }
        for path in FORMS {
            let answer = nobody.post(path, "reason=x&suspended=1&token=").await;
            assert_eq!(answer.status, 401, "{path}");
        }
    }
    assert!(town.incidents().await.is_empty());
}

#[tokio::test]
async fn a_form_that_is_forged_or_from_another_site_does_nothing() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    let token = person.enters().await;
    let other = site.stranger().enters().await;
    for path in FORMS {
        for forged in ["", "0000", other.as_str()] {
            let body = format!("token={forged}&reason=x&suspended=1&name=x&query=open=1&id=1");
            let answer = person.post(path, &body).await;
            assert_eq!(answer.status, 403, "{path} with {forged}");
        }
        let body = format!("token={token}&reason=x&suspended=1");
        for from in [
            "",
            "origin: https://evil.example\r\n",
            "origin: null\r\n",
            "origin: http://localhost\r\n",
            "sec-fetch-site: cross-site\r\n",
            "sec-fetch-site: none\r\n",
        ] {
            let request = person.request("POST", path, from, &body);
            let answer = person.send(&request).await.unwrap();
            assert_eq!(answer.status, 403, "{path} from {from}");
        }
    }
    let departments = person.get("/departments").await;
    assert!(
        !departments.body.contains("tag paused"),
        "nothing was suspended"
    );
    let body = format!("token={token}&reason=x&suspended=1");
    let done = person.post("/departments/G01.99.01/suspend", &body).await;
    assert_eq!(done.status, 303, "the real form is taken");
    assert!(person.get("/departments").await.body.contains("tag paused"));
}

#[tokio::test]
async fn another_name_that_leads_here_is_not_answered() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let person = site.stranger();
    let port = site.port.address.port();
    for host in [
        "evil.example",
        "localhost.evil.example:443",
        "",
        "127.0.0.1.nip.io",
    ] {
        let request = person.request("GET", "/login", "", "");
        let request = request.replace(&format!("host: localhost:{port}"), &format!("host: {host}"));
        let answer = person.send(&request).await.unwrap();
        assert!([400, 421].contains(&answer.status), "{host}: {answer:?}");
    }
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_do_only_what_the_page_asked_for() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    person.enters().await;
    for path in [
        "/",
        "/login",
        "/nothing",
        "/incidents",
        "/measures.csv",
        "/assets/nothing.js",
    ] {
        let answer = person.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        for inline in [" style=", " onclick=", "<script>", "<style"] {
            assert!(!answer.body.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn an_observer_sees_no_buttons_and_an_auditor_only_the_log() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "observer").await;
    let mut observer = site.stranger();
    observer.enters_without_token().await;
    let page = observer.get("/departments").await;
    assert!(page.body.contains("G01.99.01") && !page.body.contains("/suspend"));
    assert!(!page.body.contains("href=\"/audit\""));
    let page = observer.get("/audit").await;
    assert!(page.body.contains("NOT_GRANTED"), "{}", page.body);
    drop(site);

    let site = Site::open_for(&town, "auditor").await;
    let mut auditor = site.stranger();
    auditor.enters_without_token().await;
    let page = auditor.get("/audit").await;
    assert!(page.status == 200 && !page.body.contains("NOT_GRANTED"));
    assert_eq!(auditor.get("/").await.header("location"), "/audit");
    assert!(auditor.get("/dossiers").await.body.contains("NOT_GRANTED"));
}

#[tokio::test]
async fn elsewhere_than_on_this_machine_nobody_gets_in_without_a_login() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let path = town.path("console.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let listen = format!("listen = \"{}\"", site.port.address);
    for (change, key) in [
        (
            text.replace(&listen, "listen = \"0.0.0.0:0\""),
            "login.local_operator",
        ),
        (
            text.replace(&listen, "listen = \"[::]:0\"")
                .replace("local_operator", "#local_operator"),
            "web.origin",
        ),
        (
            text.replace(&listen, "origin = \"http://console.example\""),
            "web.origin",
        ),
        (
            text.replace("/operator/operator\"", "/department/police\""),
            "login.local_operator",
        ),
        (
            text.replace("telling_ms_min = 100", "telling_ms_min = 0"),
            "times.telling_ms_min",
        ),
    ] {
        std::fs::write(&path, change).unwrap();
        let config = console::Config::load(&path).unwrap();
        let refused = console::run(config, Shutdown::new()).await.unwrap_err();
        assert!(refused.to_string().starts_with(key), "{refused}");
    }
}

#[tokio::test]
async fn a_session_ends_by_its_own_word_and_so_do_its_streams() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    let token = person.enters().await;
    let stream = person.clone();
    let listening = tokio::spawn(async move { stream.get("/events").await });
    assert!(
        stalled(async {
            while !listening.is_finished() {
                tokio::task::yield_now().await
            }
        })
        .await
    );
    let out = person.post("/logout", &format!("token={token}")).await;
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    assert!(listening.await.unwrap().body.contains("event: incidents"));
    assert_eq!(person.get("/incidents").await.status, 303);
}
