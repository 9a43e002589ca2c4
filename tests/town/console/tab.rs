//! A tab of the browser: goes to pages, sees, types and clicks as a person does, and keeps account of what
//! went wrong.

use super::browser::{Browser, Line, from_npm};
use crate::town::patience::until;
use serde_json::{Value, json};
use std::{fs, sync::Arc};

/// A tab.
pub(super) struct Tab {
    line: Arc<Line>,
    id: String,
    origin: String,
}

impl Tab {
    /// Opens one for the pages of this origin, with a jar of cookies of its own.
    pub(super) async fn open(browser: &Browser, origin: &str) -> Self {
        let line = browser.line();
        let context = line
            .ask(None, "Target.createBrowserContext", json!({}))
            .await;
        let target =
            json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = line.ask(None, "Target.createTarget", target).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = line.ask(None, "Target.attachToTarget", attach).await;
        let tab = Self {
            line,
            id: attached["sessionId"].as_str().unwrap().to_owned(),
            origin: origin.to_owned(),
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.ask(&format!("{domain}.enable"), json!({})).await;
        }
        // The town's authority is known to nobody outside it.
        tab.ask(
            "Security.setIgnoreCertificateErrors",
            json!({ "ignore": true }),
        )
        .await;
        tab.window(1280, 900).await;
        tab
    }

    pub(super) async fn ask(&self, method: &str, params: Value) -> Value {
        self.line.ask(Some(&self.id), method, params).await
    }

    /// Sets the size of the window, in CSS pixels.
    pub(super) async fn window(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.ask("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Goes to a page and waits until it is there.
    pub(super) async fn go(&self, path: &str) {
        let url = format!("{}{path}", self.origin);
        let went = self.ask("Page.navigate", json!({ "url": url })).await;
        assert!(went.get("errorText").is_none(), "{url}: {went}");
        self.ready(&format!("the page {path}")).await;
    }

    /// Waits until the document is read and its scripts have run.
    pub(super) async fn ready(&self, what: &str) {
        until(what, || async {
            let state = self.value("document.readyState").await;
            (state == "complete").then_some(())
        })
        .await;
    }

    /// Waits until the page hears changes.
    pub(super) async fn hears(&self) {
        self.when(
            "the page to hear changes",
            "document.documentElement.dataset.hears === 'changes'",
        )
        .await;
    }

    /// What an expression gives on the page; null while it is being left.
    pub(super) async fn value(&self, expression: &str) -> Value {
        let params = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let answer = self
            .line
            .ask_page(&self.id, "Runtime.evaluate", params)
            .await;
        answer["result"]["value"].clone()
    }

    /// Waits until an expression holds on the page.
    pub(super) async fn when(&self, what: &str, expression: &str) {
        let whole =
            format!("(() => {{ try {{ return !!({expression}); }} catch {{ return false; }} }})()");
        until(what, || async {
            (self.value(&whole).await == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// The words on the page.
    pub(super) async fn text(&self) -> String {
        let text = self
            .value("document.body ? document.body.innerText : ''")
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until words stand on the page.
    pub(super) async fn sees(&self, words: &str) {
        let quoted = json!(words);
        let what = format!("`{words}` to stand on the page");
        self.when(
            &what,
            &format!("document.body.innerText.includes({quoted})"),
        )
        .await;
    }

    /// Waits until something is on the page, and clicks it as a mouse does.
    pub(super) async fn click(&self, selector: &str) {
        let quoted = json!(selector);
        let what = format!("{selector} to be on the page");
        self.when(&what, &format!("document.querySelector({quoted})"))
            .await;
        self.value(&format!("document.querySelector({quoted}).click()"))
            .await;
    }

    /// Clicks what leads to another page, and waits for that.
    pub(super) async fn follow(&self, selector: &str, to: &str) {
        self.click(selector).await;
        let quoted = json!(to);
        self.when(
            &format!("the page {to}"),
            &format!("(location.pathname + location.search).startsWith({quoted}) && document.readyState === 'complete'"),
        )
        .await;
    }

    /// Types into a field.
    pub(super) async fn types(&self, selector: &str, text: &str) {
        let (quoted, text) = (json!(selector), json!(text));
        self.when(
            &format!("{selector} to be on the page"),
            &format!(
                "(() => {{ const it = document.querySelector({quoted}); it.focus(); it.value = {text}; \
                 it.dispatchEvent(new Event('input', {{ bubbles: true }})); return true; }})()"
            ),
        )
        .await;
    }

    /// Presses a key, such as `Tab`.
    pub(super) async fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            " " => 32,
            other => panic!("{other} has no code here"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
            if key != "Tab" && kind == "keyDown" {
                event["text"] = if key == "Enter" { "\r" } else { key }.into();
            }
            self.ask("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Marks the page, so that a reload would be noticed.
    pub(super) async fn mark(&self) {
        self.value("window.marked = true").await;
    }

    /// Sees that the page is the one that was marked.
    pub(super) async fn was_not_reloaded(&self) {
        assert_eq!(self.value("window.marked").await, Value::Bool(true));
    }

    /// What went wrong: errors on the console, exceptions, and requests to anywhere else.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for entry in self.line.told(&self.id, "Log.entryAdded") {
            let entry = &entry["entry"];
            if entry["level"] == "error" || entry["level"] == "warning" {
                complaints.push(format!("{}: {}", entry["text"], entry["url"]));
            }
        }
        for thrown in self.line.told(&self.id, "Runtime.exceptionThrown") {
            complaints.push(thrown["exceptionDetails"].to_string());
        }
        for said in self.line.told(&self.id, "Runtime.consoleAPICalled") {
            if said["type"] == "error" || said["type"] == "warning" {
                complaints.push(said["args"].to_string());
            }
        }
        for request in self.line.told(&self.id, "Network.requestWillBeSent") {
            let url = request["request"]["url"].as_str().unwrap_or_default();
            let is_ours = url.starts_with(&format!("{}/", self.origin));
            if !is_ours && !url.starts_with("data:") && !url.starts_with("about:") {
                complaints.push(format!("a request to {url}"));
            }
        }
        complaints
    }

    /// Forgets what was told of pages before.
    pub(super) fn forget(&self) {
        self.line.forget(&self.id);
    }

    /// Violations of the accessibility rules of WCAG 2.2 A and AA, each with where.
    pub(super) async fn violations(&self) -> Vec<String> {
        let axe = fs::read_to_string(from_npm("axe-core/axe.min.js")).unwrap();
        self.ask("Runtime.evaluate", json!({ "expression": axe }))
            .await;
        let run = "axe.run(document, { runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice'], \
            resultTypes: ['violations'] }).then(found => found.violations.flatMap(rule => rule.nodes.map(node => \
            `${rule.id}: ${node.html.slice(0, 200)} ${node.any.concat(node.all, node.none).map(one => one.message).join('; ').slice(0, 300)}`)))";
        let found = self.value(run).await;
        let found = found.as_array().expect("axe ran").iter();
        found.map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// A picture of the whole page, PNG as base64.
    pub(super) async fn picture(&self) -> String {
        let how = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.ask("Page.captureScreenshot", how).await;
        picture["data"].as_str().unwrap().to_owned()
    }
}
