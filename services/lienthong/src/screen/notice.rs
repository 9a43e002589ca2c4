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
    };
    format!("{at}  {}  {told}", notice.dossier_code)
}
