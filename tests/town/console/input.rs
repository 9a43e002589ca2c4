//! Bad input: every query parameter and every field of a form with markup, quotes, Vietnamese, too much text
//! and wrong types. None of it is more than a text, and none of it is a fault of the console.

use super::{access::FORMS, site::Site};
use crate::town::Town;

const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
const FIELDS: [&str; 26] = [
    "code",
    "agency",
    "step",
    "state",
    "procedure",
    "desk",
    "territory",
    "from",
    "until",
    "open",
    "overdue",
    "stuck",
    "page",
    "cause",
    "closed",
    "chosen",
    "operator",
    "redrive",
    "dossier",
    "next",
    "language",
    "theme",
    "name",
    "query",
    "reason",
    "id",
];
const PATHS: [&str; 10] = [
    "/",
    "/dossiers",
    "/dossiers/find",
    "/departments",
    "/incidents",
    "/measures",
    "/measures.csv",
    "/audit",
    "/login",
    "/incidents/redrive/1",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn values() -> Vec<String> {
    [
        MARKUP,
        "' OR 1=1 --",
        "Nguyễn Thị Hường ờ\u{301}",
        "-1",
        "99999999999999999999999",
        "NaN",
        "{{7*7}}",
        "../../etc/passwd",
        "a\r\nset-cookie: a=b",
        "\u{0}\u{202e}\u{1f600}",
        "//evil.example",
        "javascript:alert(1)",
    ]
    .map(encoded)
    .into_iter()
    .chain(["%FF%FE%00".into(), "%".into(), "x".repeat(3_000)])
    .collect()
}

#[tokio::test]
async fn whatever_stands_in_a_query_is_a_text_or_nothing() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    person.enters().await;
    for path in PATHS {
        for value in values() {
            // All at once, which is a fourteenth of the time of one after the other.
            let query: Vec<String> = FIELDS
                .iter()
                .filter(|_| value.len() < 300)
                .map(|field| format!("{field}={value}"))
                .chain([format!("code={value}&cause={value}")])
                .collect();
            let answer = person.get(&format!("{path}?{}", query.join("&"))).await;
            assert!(
                [200, 303, 404, 502].contains(&answer.status),
                "{path}?…={value}: {} {}",
                answer.status,
                answer.body
            );
            is_harmless(&answer.body, &answer.head);
        }
    }
}

#[tokio::test]
async fn whatever_stands_in_a_form_or_in_a_path_is_a_text_or_nothing() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    let token = person.enters().await;
    let fields = [
        "reason",
        "suspended",
        "id",
        "all",
        "cause",
        "step",
        "to",
        "amount",
        "unit",
        "agency",
        "request_id",
        "dossier_id",
        "name",
        "number",
        "scheme",
        "query",
        "page",
    ];
    for path in FORMS {
        for value in values() {
            let body: String = fields
                .iter()
                .map(|field| format!("&{field}={value}"))
                .collect();
            let answer = person.post(path, &format!("token={token}{body}")).await;
            assert!(
                [200, 303].contains(&answer.status),
                "{path} {value}: {answer:?}"
            );
            is_harmless(&answer.body, &answer.head);
        }
    }
    for value in values() {
        for path in ["/dossiers", "/incidents/redrive", "/assets", "/nothing"] {
            let answer = person.get(&format!("{path}/{value}")).await;
            assert!(
                (200..500).contains(&answer.status),
                "{path}/{value}: {answer:?}"
            );
            is_harmless(&answer.body, &answer.head);
        }
    }
    // What was told of it on the next page is told as text, too.
    is_harmless(&person.get("/departments").await.body, "");
    is_harmless(&person.get("/dossiers").await.body, "");
}

#[tokio::test]
async fn a_megabyte_of_text_is_refused_wherever_it_stands() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    let token = person.enters().await;
    let much = "ờ".repeat(350_000);
    for path in FORMS.into_iter().chain(["/login/local", "/logout"]) {
        let answer = person
            .post(path, &format!("token={token}&reason={much}"))
            .await;
        assert_eq!(answer.status, 413, "{path}");
    }
    for path in PATHS {
        let answer = person
            .get(&format!("{path}?code={}", "x".repeat(1_000_000)))
            .await;
        assert!(
            [414, 431].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        let answer = person
            .get(&format!("{path}?code={}", "x".repeat(10_000)))
            .await;
        assert_eq!(answer.status, 414, "{path}");
    }
    let cookie = format!("x={}", "y".repeat(1_000_000));
    person.cookie = cookie;
    let answer = person.send(&person.request("GET", "/", "", "")).await;
    assert!(answer.is_ok_and(|answer| [400, 431].contains(&answer.status)));
    assert_eq!(
        site.stranger().get("/login").await.status,
        200,
        "it serves on"
    );
}

#[tokio::test]
async fn what_is_no_http_and_methods_that_are_not_served_do_no_harm() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let person = site.stranger();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let request = person.request(method, "/", "", "");
        let answer = person.send(&request).await.unwrap();
        assert_eq!(answer.status, 405, "{method}");
    }
    for rubbish in [
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        if let Ok(answer) = person.send(rubbish).await {
            assert!(
                (400..600).contains(&answer.status),
                "{rubbish:?}: {answer:?}"
            );
        }
    }
    assert_eq!(person.get("/login").await.status, 200, "it serves on");
}

/// Nothing of what was sent stands in the page as markup, in its head as a header, or leads elsewhere.
fn is_harmless(body: &str, head: &str) {
    for markup in ["<script>alert", "<img src=x", "\"'><", "href=\"javascript:"] {
        assert!(!body.contains(markup), "{markup} in {body}");
    }
    assert!(!head.contains("a=b\r") && !head.ends_with("a=b"), "{head}");
    for line in head
        .lines()
        .filter(|line| line.to_lowercase().starts_with("location:"))
    {
        let (_, to) = line.split_once(": ").unwrap();
        assert!(to.starts_with('/') && !to.starts_with("//"), "{line}");
    }
}
