//! The three ways in: a certificate, a provider of OpenID Connect, and a first look on this machine.

use super::{
    browser::Browser,
    input,
    provider::{Provider, SECRET},
    site::{Site, operator},
};
use crate::town::{Town, ground::Port};
use node::{identity::Role, pki::Validity};

#[tokio::test]
async fn an_operator_logs_in_with_a_certificate_and_the_session_is_good_with_it_alone() {
    let town = Town::with([]).await;
    let site = Site::open(&town, "").await;
    let issued = town
        .ground
        .issue(Role::Operator, "observer", Validity::days(2));
    let mut person = site.stranger_with(&issued.certificate_pem, &issued.key_pem);
    let page = person.get("/login").await;
    assert!(page.body.contains(&operator("observer")), "{}", page.body);

    let entered = person.post("/login/certificate", "next=/dossiers").await;
    person.cookie = entered.cookie("__Host-session").expect("a session");
    assert!(entered.body.contains("url=/dossiers"), "{}", entered.body);
    let page = person.get("/incidents").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("observer"), "{}", page.body);

    // The same cookie from somebody without that certificate, or with another's.
    let mut thief = site.stranger();
    thief.cookie.clone_from(&person.cookie);
    assert_eq!(thief.get("/incidents").await.status, 303);
    let other = town
        .ground
        .issue(Role::Operator, "operator", Validity::days(2));
    let mut thief = site.stranger_with(&other.certificate_pem, &other.key_pem);
    thief.cookie.clone_from(&person.cookie);
    assert_eq!(thief.get("/incidents").await.status, 303);

    // A certificate that is denied from now on.
    town.deny(&issued);
    crate::town::patience::until("the certificate to be denied", || async {
        // Whoever is denied is refused in the handshake, or is nobody.
        let answer = person
            .send(&person.request("GET", "/incidents", "", ""))
            .await;
        answer
            .map_or(true, |answer| answer.status == 303)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_is_no_operator_is_not_let_in() {
    let town = Town::with([]).await;
    let site = Site::open(&town, "").await;
    for (role, code) in [
        (Role::Department, "police-mau-mot"),
        (Role::Desk, "desk-mau-mot"),
        (Role::Operator, "nobody-knows"),
        (Role::Operator, "console"),
    ] {
        let issued = town.ground.issue(role, code, Validity::days(2));
        let person = site.stranger_with(&issued.certificate_pem, &issued.key_pem);
        let answer = person.post("/login/certificate", "next=/").await;
        assert_eq!(answer.status, 403, "{code}: {}", answer.body);
        assert_eq!(answer.cookie("__Host-session"), None, "{code}");
    }
    let nobody = site.stranger();
    assert_eq!(
        nobody.post("/login/certificate", "next=/").await.status,
        403
    );
    assert_eq!(nobody.post("/login/local", "next=/").await.status, 404);
    assert_eq!(nobody.post("/login/oidc", "next=/").await.status, 404);
}

#[tokio::test]
#[ignore = "needs a browser and a provider: ./test brings them"]
async fn an_operator_logs_in_at_the_provider_and_acts_under_the_own_name() {
    let town = Town::with([]).await;
    let port = Port::pick();
    let origin = format!("https://localhost:{}", port.address.port());
    let provider = Provider::open(&origin).await;
    town.ground.write("oidc-secret", SECRET);
    let login = format!(
        "[login.oidc]\nissuer = \"{}\"\nclient_id = \"lienthong-console\"\n\
         client_secret_file = \"oidc-secret\"\ninsecure_loopback = true",
        provider.issuer
    );
    let site = Site::open_at(&town, port, &login).await;
    let browser = Browser::open().await;
    let tab = site.tab(&browser).await;
    tab.go("/dossiers?language=en").await;
    tab.click("form[action='/login/oidc'] button").await;
    tab.types("#login", "duty-sample").await;
    tab.click("#enter").await;
    // Back where the person wanted to go, as the operator whom the directory gives that login.
    tab.when(
        "the page that was asked for",
        "location.pathname === '/dossiers'",
    )
    .await;
    tab.when(
        "the operator's name",
        "document.querySelector('.who').innerText === 'duty'",
    )
    .await;

    // The session is this browser's, and ends with a word.
    let cookie = tab.value("document.cookie").await;
    assert_eq!(cookie, "", "no script sees a cookie");
    tab.click("form[action='/logout'] button").await;
    tab.when("the door", "location.pathname === '/login'").await;
    tab.go("/dossiers").await;
    tab.sees("Log in to the console").await;

    // Somebody whom the provider knows and the directory does not.
    let stranger = site.tab(&browser).await;
    stranger.go("/?language=en").await;
    stranger.click("form[action='/login/oidc'] button").await;
    stranger.types("#login", "somebody-else").await;
    stranger.click("#enter").await;
    stranger.sees("The directory names no such operator").await;

    // An answer of the provider that no login of this browser began.
    let nobody = site.stranger();
    for query in [
        "",
        "?code=a&state=b",
        "?error=access_denied&state=",
        "?code=%00&state=%ff&iss=x",
    ] {
        let answer = nobody.get(&format!("/login/oidc/callback{query}")).await;
        assert_eq!(answer.status, 403, "{query}");
        assert_eq!(answer.cookie("__Host-session"), None, "{query}");
    }
    for value in input::values() {
        for field in [
            "code",
            "state",
            "iss",
            "error",
            "error_description",
            "session_state",
        ] {
            let query = format!("code=a&state=b&{field}={value}");
            let answer = nobody.get(&format!("/login/oidc/callback?{query}")).await;
            assert_eq!(answer.status, 403, "{query}");
            assert_eq!(answer.cookie("__Host-session"), None, "{query}");
            input::is_harmless(&answer.body, &answer.head);
        }
    }
}
