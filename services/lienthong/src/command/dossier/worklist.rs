//! What a desk is to do.

use super::DeskArgs;
use crate::screen::{self, json, table::Table, tell, time, words};
use anyhow::Context as _;
use clap::Args;
use desk::worklist::{Entry, Todo, Worklist};
use serde_json::{Value, json};

/// Show what the desk is to do: to receive, to ask, to collect, to hand out, to apologise.
///
/// It is made anew from everything that the broker told the desk, so it is right after a loss too.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier worklist\n  lienthong dossier worklist --json"
)]
pub(crate) struct WorklistCommand {
    /// Only about this dossier.
    #[arg(long, value_name = "CODE")]
    dossier: Option<String>,
    #[command(flatten)]
    desk: DeskArgs,
}

impl WorklistCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let window = self.desk.window()?;
        let mut list = Worklist::new(&window.agency_code);
        let heard = window.notices(String::new()).await;
        let (notices, _) = heard.context("the notices were not heard")?;
        notices.iter().for_each(|notice| list.hear(notice));
        let wanted = |entry: &&Entry| {
            let code = self.dossier.as_ref();
            code.is_none_or(|code| entry.dossier_code == *code)
        };
        let entries: Vec<&Entry> = list.entries().into_iter().filter(wanted).collect();
        if json {
            let entries: Vec<_> = entries.into_iter().map(as_json).collect();
            return json::print(&json!({ "worklist": entries }));
        }
        if entries.is_empty() {
            tell!("Nothing is to be done (không có việc cần làm).");
            return Ok(());
        }
        let mut table = Table::new(["Dossier", "To do", "What", "Since", "Until"]);
        for entry in entries {
            let (todo, what) = in_words(&entry.todo);
            let at = |at| time::read(at).map_or_else(String::new, time::full);
            table.row([
                entry.dossier_code.clone(),
                todo.to_owned(),
                what,
                at(&entry.since),
                at(&entry.due_at),
            ]);
        }
        tell!("{}", table.render(screen::columns(), 0).trim_end());
        Ok(())
    }
}

/// What is to be done, as an officer calls it, and with what.
fn in_words(todo: &Todo) -> (&'static str, String) {
    match todo {
        Todo::Receive => ("Tiếp nhận", "receive, refuse or ask".into()),
        Todo::AskSupplement {
            number,
            agency_code,
            items,
        } => {
            let names: Vec<_> = items.iter().map(|item| item.evidence.as_str()).collect();
            let names = names.join(", ");
            let what = format!("supplement {number} for {agency_code}: {names}");
            ("Yêu cầu bổ sung", what)
        }
        Todo::CollectPayment {
            obligation_id,
            amount_vnd,
            purpose,
            ..
        } => {
            let what = format!("{obligation_id}: {}, {purpose}", words::vnd(*amount_vnd));
            ("Thu nghĩa vụ tài chính", what)
        }
        Todo::CompleteStep { step_id } => ("Thực hiện bước", step_id.clone()),
        Todo::HandOut { evidence, version } => {
            ("Trả kết quả", format!("{evidence} version {version}"))
        }
        Todo::Apologise {
            part_id,
            agency_codes,
        } => {
            let what = format!("{part_id}, late at {}", agency_codes.join(", "));
            ("Xin lỗi, hẹn lại", what)
        }
        Todo::TellHead {
            step_id,
            agency_code,
        } => {
            let what = format!("{agency_code} keeps silent on {step_id}");
            ("Báo người đứng đầu", what)
        }
    }
}

fn as_json(entry: &Entry) -> Value {
    let mut told = match &entry.todo {
        Todo::Receive => json!({ "todo": "receive" }),
        Todo::AskSupplement {
            number,
            agency_code,
            items,
        } => json!({
            "todo": "ask_supplement",
            "supplement_number": number,
            "agency_code": agency_code,
            "items": items.iter().map(json::item).collect::<Vec<_>>(),
        }),
        Todo::CollectPayment {
            obligation_id,
            agency_code,
            amount_vnd,
            purpose,
        } => json!({
            "todo": "collect_payment",
            "obligation_id": obligation_id,
            "agency_code": agency_code,
            "amount_vnd": amount_vnd,
            "purpose": purpose,
        }),
        Todo::CompleteStep { step_id } => json!({ "todo": "complete_step", "step_id": step_id }),
        Todo::HandOut { evidence, version } => {
            json!({ "todo": "hand_out", "evidence": evidence, "version": version })
        }
        Todo::Apologise {
            part_id,
            agency_codes,
        } => json!({ "todo": "apologise", "part_id": part_id, "agency_codes": agency_codes }),
        Todo::TellHead {
            step_id,
            agency_code,
        } => json!({ "todo": "tell_head", "step_id": step_id, "agency_code": agency_code }),
    };
    told["dossier_code"] = entry.dossier_code.clone().into();
    told["since"] = json::instant(&entry.since);
    told["due_at"] = json::instant(&entry.due_at);
    told
}
