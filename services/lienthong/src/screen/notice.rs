//! A notice on one line.

use super::{time, words};
use contract::v1::{self, notice::Kind};

/// The line.
pub(crate) fn line(notice: &v1::Notice) -> String {
    let at = time::read(&notice.happened_at).map_or_else(String::new, time::full);
    let told = match &notice.kind {
        None => "something that this release does not know".to_owned(),
        Some(Kind::Received(received)) => match time::read(&received.promised_at) {
            Some(promised) => format!("received; promised until {}", time::full(promised)),
            None => "received".to_owned(),
        },
        Some(Kind::Step(step)) => {
            let mut said = format!("{}: {}", step.step_id, words::step(step.state()));
            if step.round > 1 {
                said.push_str(&format!(" (round {}: {})", step.round, step.task));
            }
            said.push_str(&format!(", {}", step.agency_code));
            if let Some(officer) = step
                .officer
                .as_ref()
                .filter(|officer| !officer.name.is_empty())
            {
                said.push_str(&format!(" ({})", officer.name));
            }
            if !step.reason.is_empty() {
                said.push_str(&format!(": {}", step.reason));
            }
            said
        }
        Some(Kind::Result(result)) => {
            format!(
                "result {} version {} can be handed out",
                result.evidence, result.version
            )
        }
        Some(Kind::Part(part)) => format!("part {}: {}", part.part_id, words::part(part.state())),
        Some(Kind::Closed(_)) => "closed".to_owned(),
        Some(Kind::PeerReturn(back)) => {
            let who = match back.asking_step_id.as_str() {
                "" => String::new(),
                asking => format!(" for {asking}"),
            };
            format!(
                "{} version {}: {} of {}{who}",
                back.evidence,
                back.version,
                words::peer_return(back.state()),
                back.giving_step_id
            )
        }
        Some(kind) => to_do(kind),
    };
    format!("{at}  {}  {told}", notice.dossier_code)
}

/// What the desk must tell its citizen, or do.
fn to_do(kind: &Kind) -> String {
    let until = |at| match time::read(at) {
        Some(at) => format!(" until {}", time::full(at)),
        None => String::new(),
    };
    match kind {
        Kind::Filed(filed) => format!("filed; to be received{}", until(&filed.receive_by)),
        Kind::NotAccepted(refused) => {
            format!("not accepted: {} ({})", refused.reason, refused.legal_basis)
        }
        Kind::SupplementAsked(asked) => {
            let names: Vec<_> = asked.items.iter().map(|i| i.evidence.as_str()).collect();
            format!(
                "supplement {} of {} asks for {}{}",
                asked.number,
                asked.agency_code,
                names.join(", "),
                until(&asked.due_at)
            )
        }
        Kind::SupplementEnded(ended) if ended.expired => {
            format!("supplement {} was not answered in time", ended.number)
        }
        Kind::SupplementEnded(ended) => format!("supplement {} is over", ended.number),
        Kind::PaymentAsked(asked) => format!(
            "{} is to be paid{}: {}, {} ({})",
            words::vnd(asked.amount_vnd),
            until(&asked.due_at),
            asked.purpose,
            asked.obligation_id,
            asked.agency_code
        ),
        Kind::SupplementDue(moved) => format!(
            "supplement {} may be answered{}",
            moved.number,
            until(&moved.due_at)
        ),
        Kind::PaymentDue(moved) => format!(
            "{} may be paid{}",
            moved.obligation_id,
            until(&moved.due_at)
        ),
        Kind::PaymentOverdue(late) => format!(
            "{} was not paid in time; remind the citizen",
            late.obligation_id
        ),
        Kind::PaymentDropped(dropped) => format!(
            "{} is not owed any more; do not collect it",
            dropped.obligation_id
        ),
        Kind::Paid(paid) => format!("{} is paid", paid.obligation_id),
        Kind::Promised(promised) => {
            let reason = match promised.reason.as_str() {
                "" => String::new(),
                reason => format!(": {reason}"),
            };
            let at = until(&promised.promised_at);
            format!(
                "part {} is promised{at} ({}){reason}",
                promised.part_id, promised.why
            )
        }
        Kind::ClockPaused(paused) => format!(
            "the clock of part {} stands still: {}",
            paused.part_id,
            words::pause(paused.reason())
        ),
        Kind::ApologyOwed(owed) => format!(
            "an apology is owed for part {}, late at {}",
            owed.part_id,
            owed.agency_codes.join(", ")
        ),
        Kind::Reused(reused) => {
            format!(
                "{} was taken from the vault ({})",
                reused.evidence, reused.vault_code
            )
        }
        Kind::ConsultationSilent(silent) => {
            format!("{} keeps silent on {}", silent.agency_code, silent.step_id)
        }
        Kind::HandedOut(out) => format!("{} version {} is handed out", out.evidence, out.version),
        Kind::Withdrawn(_) => "withdrawn by the citizen".to_owned(),
        Kind::Stopped(stopped) => format!("stopped: {}", stopped.reason),
        Kind::Resumed(_) => "it goes on".to_owned(),
        _ => "something that this release does not know".to_owned(),
    }
}
