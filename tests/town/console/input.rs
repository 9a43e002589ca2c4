//! Bad input: every query parameter and every field of a form with markup, quotes, Vietnamese, too much text
//! and wrong types. None of it is more than a text, and none of it is a fault of the console.

use super::{access::FORMS, site::Site};
use crate::town::{Town, window::Filed};
use contract::v1::verdict::Outcome;
use node::fault::Fault;
use tonic::Code;

const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
const FIELDS: [&str; 27] = [
    "find",
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

pub(super) fn values() -> Vec<String> {
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

/// Forms as the page makes them, about a dossier that is open and stuck: each field with what is right for it.
fn right_forms(dossier: &Filed, incident: &str) -> Vec<(String, Vec<(&'static str, String)>)> {
    let of_dossier = |act: &str| format!("/dossiers/{}/{act}", dossier.code);
    let reason = || ("reason", "theo đề nghị".to_owned());
    let request = |id: &str| ("request_id", id.to_owned());
    let step = || ("step", "register_residence".to_owned());
    vec![
        (
            of_dossier("move"),
            vec![request("m"), step(), ("to", "G01.99.02".into()), reason()],
        ),
        (
            of_dossier("extend"),
            vec![
                request("e"),
                step(),
                ("amount", "1".into()),
                ("unit", "working_day".into()),
                reason(),
            ],
        ),
        (
            of_dossier("retry"),
            vec![("agency", "G01.99.01".into()), reason()],
        ),
        (
            of_dossier("release"),
            vec![("dossier_id", dossier.id.clone()), reason()],
        ),
        ("/departments/G01.99.01/retry".into(), vec![reason()]),
        (
            "/departments/G24.99/suspend".into(),
            vec![("suspended", "0".into()), reason()],
        ),
        (
            "/procedures/birth/suspend".into(),
            vec![("suspended", "0".into()), reason()],
        ),
        (
            "/incidents/redrive".into(),
            vec![("id", incident.to_owned()), reason()],
        ),
        (
            "/incidents/redrive".into(),
            vec![
                ("cause", "HANDOVER_REFUSED".into()),
                ("all", "1".into()),
                reason(),
            ],
        ),
        (
            "/dossiers/find".into(),
            vec![("name", "Trần Thị Thử".into()), reason()],
        ),
        (
            "/dossiers/filters".into(),
            vec![("name", "của tôi".into()), ("query", "open=1".into())],
        ),
        (
            "/dossiers/filters/remove".into(),
            vec![("name", "của tôi".into())],
        ),
    ]
}

#[tokio::test]
async fn one_field_that_is_wrong_among_right_ones_is_a_text_or_nothing_on_a_dossier_that_is_open() {
    let town = Town::plan()
        .broker("[courier]\nback_off_ms_max = 3600000")
        .offices(["civil-status", "social-insurance", "police-identity"])
        .open()
        .await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let heard = police.next_handover().await;
    let why = Fault::new(Code::FailedPrecondition, "OFFICE_MOVES", "no", "không");
    heard.answer(Outcome::Refused(why.into_rpc())).await;
    let incident = town.incident("HANDOVER_REFUSED").await.incident_id;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    let token = person.enters().await;
    let whole = format!("/dossiers/{}", dossier.code);
    let much = "ờ".repeat(350_000);
    for (path, fields) in right_forms(&dossier, &incident) {
        for wrong in 0..fields.len() {
            let form = |value: &str| {
                let fields =
                    fields
                        .iter()
                        .enumerate()
                        .map(|(at, (name, right))| match at == wrong {
                            true => format!("&{name}={value}"),
                            false => format!("&{name}={}", encoded(right)),
                        });
                format!("token={token}{}", fields.collect::<String>())
            };
            for value in values() {
                let answer = person.post(&path, &form(&value)).await;
                let name = fields[wrong].0;
                let is_told = [200, 303].contains(&answer.status);
                assert!(is_told, "{path} {name}={value}: {answer:?}");
                is_harmless(&answer.body, &answer.head);
            }
            assert_eq!(person.post(&path, &form(&much)).await.status, 413);
        }
        // What came of it all is told as text.
        for page in [whole.as_str(), "/incidents", "/audit", "/departments", "/"] {
            let page = person.get(page).await;
            assert_eq!(page.status, 200);
            is_harmless(&page.body, &page.head);
        }
    }
    let page = person.get(&whole).await;
    assert!(page.body.contains(&dossier.code));
    // A number that is none, and a unit that is none, extend nothing.
    let extended = town.desk().track(&dossier).await;
    let extensions = extended.parts.iter().map(|part| part.extensions);
    assert!(extensions.max() <= Some(1), "{extended:?}");
}

#[tokio::test]
async fn whatever_the_stream_of_changes_is_asked_for_it_goes_on_or_is_refused() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    person.enters().await;
    for field in ["dossier", "redrive", "language", "theme", "other"] {
        for value in values() {
            let answer = person.begins(&format!("/events?{field}={value}")).await;
            assert_eq!(answer.status, 200, "{field}={value}: {answer:?}");
            assert!(answer.body.contains("event: incidents"), "{answer:?}");
            is_harmless(&answer.body, &answer.head);
        }
    }
    let much = format!("/events?dossier={}", "x".repeat(10_000));
    assert_eq!(person.begins(&much).await.status, 414);
}

#[tokio::test]
async fn wherever_a_login_is_to_lead_it_leads_within_the_console() {
    let town = Town::with([]).await;
    let site = Site::open_for(&town, "operator").await;
    let person = site.stranger();
    let elsewhere = [
        "https://evil.example/",
        "//evil.example/x",
        "/\\evil.example",
        "\\\\evil.example",
        "/%2F/evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/dossiers\r\nlocation: //evil.example",
        "0;url=//evil.example",
    ];
    let wrong = elsewhere.map(encoded).into_iter().chain(values());
    for next in wrong {
        for answer in [
            person.post("/login/local", &format!("next={next}")).await,
            person.get(&format!("/login?next={next}")).await,
        ] {
            assert_eq!(answer.status, 200, "{next}: {answer:?}");
            is_harmless(&answer.body, &answer.head);
            leads_nowhere_else(&answer.body);
        }
    }
    let much = format!("next=/{}", "x".repeat(1_000_000));
    assert_eq!(person.post("/login/local", &much).await.status, 413);
    // The way back from a provider that this console does not have.
    for value in values() {
        let path = format!("/login/oidc/callback?code={value}&state={value}");
        let answer = person.get(&path).await;
        assert_eq!(answer.status, 404, "{value}: {answer:?}");
    }
}

/// Every link, form and refresh of the page stays here.
fn leads_nowhere_else(body: &str) {
    for before in ["href=\"", "action=\"", "url=", "src=\""] {
        for rest in body.split(before).skip(1) {
            let to = rest.split('"').next().unwrap();
            let to = to.replace("&#38;", "&").replace("&#34;", "\"");
            let is_here = to.starts_with('/') || to.starts_with('#');
            let leaves = to.chars().nth(1).is_some_and(|c| c == '/' || c == '\\');
            let is_plain = !to.chars().any(char::is_control);
            assert!(is_here && !leaves && is_plain, "{before}{to}");
        }
    }
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
pub(super) fn is_harmless(body: &str, head: &str) {
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
