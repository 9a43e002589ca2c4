//! What a desk decides on a dossier that was filed: it receives it, refuses it, or asks for more.

use super::act::ActArgs;
use clap::Args;
use desk::form::{Deed, ItemForm, OfficerForm};
use std::path::Path;

/// Receive a filed dossier (form 01): its limits begin.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier receive H99.01.01-20261122-0000001 --officer An"
)]
pub(crate) struct ReceiveCommand {
    #[command(flatten)]
    act: ActArgs,
}

impl ReceiveCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let deed = Deed::Receive { received_at: None };
        let done = "received (đã tiếp nhận)";
        self.act
            .bring(deed, vec![], Path::new(""), json, done)
            .await
    }
}

/// Refuse a filed dossier (form 03), with its reason in law.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier refuse H99.01.01-20261122-0000001 --reason sai \\\n      --legal-basis NĐ-61-2018"
)]
pub(crate) struct RefuseCommand {
    /// Why, for the citizen.
    #[arg(long)]
    reason: String,
    /// The article of law.
    #[arg(long, value_name = "ARTICLE")]
    legal_basis: String,
    #[command(flatten)]
    act: ActArgs,
}

impl RefuseCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let deed = Deed::RefuseIntake {
            reason: self.reason,
            legal_basis: self.legal_basis,
        };
        let done = "not accepted (không tiếp nhận)";
        self.act
            .bring(deed, vec![], Path::new(""), json, done)
            .await
    }
}

/// Ask the citizen for everything that is missing, before reception (form 02).
///
/// The broker refuses to ask for what is in the dossier or the vault, or what somebody may hold.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier ask H99.01.01-20261122-0000001 \\\n      --item charter=thiếu-trang --legal-basis NĐ-61-2018"
)]
pub(crate) struct AskCommand {
    /// What is missing and why; may be given several times.
    #[arg(long = "item", value_name = "EVIDENCE=REASON", value_parser = item, required = true)]
    items: Vec<(String, String)>,
    /// The article of law.
    #[arg(long, value_name = "ARTICLE")]
    legal_basis: String,
    /// Who allows it, where a holder stayed silent or could not give it.
    #[arg(long, value_name = "NAME", requires = "approval_basis")]
    approver: Option<String>,
    /// The approver's title.
    #[arg(long, value_name = "TITLE", default_value = "")]
    approver_title: String,
    /// The article of law that allows it.
    #[arg(long, value_name = "ARTICLE", default_value = "")]
    approval_basis: String,
    #[command(flatten)]
    act: ActArgs,
}

impl AskCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let approver = self.approver.map(|name| OfficerForm {
            name,
            title: self.approver_title,
            office: String::new(),
        });
        let items = self.items.into_iter().map(|(evidence, reason)| ItemForm {
            evidence,
            reason,
            legal_basis: self.legal_basis.clone(),
            approver: approver.clone(),
            approval_basis: self.approval_basis.clone(),
        });
        let deed = Deed::RequestSupplement {
            items: items.collect(),
        };
        let done = "the citizen is to be asked (yêu cầu bổ sung)";
        self.act
            .bring(deed, vec![], Path::new(""), json, done)
            .await
    }
}

fn item(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((evidence, reason)) if !evidence.is_empty() && !reason.is_empty() => {
            Ok((evidence.to_owned(), reason.to_owned()))
        }
        _ => Err("write EVIDENCE=REASON, such as charter=\"thiếu trang 2\"".into()),
    }
}
