//! What the rules made of a dossier: what the citizen was asked for and owes, when clocks stood still, who
//! had the time, and what was handed out.

use super::{table::wrap, time, words};
use contract::v1::{
    DeliveryStatus, FinanceStatus, ObligationStatus, PauseStatus, SupplementStatus, TimeHolder,
    TrackResponse,
};
use std::{collections::HashMap, fmt::Write as _};
use terminal::{StyledObject, style};

/// The sections that have something to say, each with a blank line before it.
pub(crate) fn render(dossier: &TrackResponse, columns: usize) -> String {
    let received = time::read(&dossier.received_at);
    let at = |at: &Option<prost_types::Timestamp>| {
        time::read(at).map_or_else(String::new, |at| time::beside(at, received))
    };
    let supplements = dossier.supplements.iter().map(|one| supplement(one, &at));
    let obligations = dossier.obligations.iter().map(|one| obligation(one, &at));
    let pauses = dossier.pauses.iter().map(|one| pause(one, &at));
    let mut screen = String::new();
    section(
        &mut screen,
        columns,
        "Supplements (bổ sung hồ sơ)",
        supplements.collect(),
    );
    section(
        &mut screen,
        columns,
        "Payments (nghĩa vụ tài chính)",
        obligations.collect(),
    );
    section(
        &mut screen,
        columns,
        "Clocks stood still (tạm dừng tính thời hạn)",
        pauses.collect(),
    );
    section(
        &mut screen,
        columns,
        "Whose the working time was (thời gian thuộc về)",
        times(dossier),
    );
    section(
        &mut screen,
        columns,
        "At the desk (tại bộ phận một cửa)",
        desk(dossier),
    );
    screen
}

type Line = (StyledObject<&'static str>, String);

fn section(screen: &mut String, columns: usize, heading: &str, lines: Vec<Line>) {
    if lines.is_empty() {
        return;
    }
    // A text cannot refuse to be written to.
    let _ = writeln!(screen, "\n{}", style(heading).bold());
    for (mark, said) in lines {
        for (n, line) in wrap(&said, columns.saturating_sub(4)).iter().enumerate() {
            let _ = match n {
                0 => writeln!(screen, "  {mark} {line}"),
                _ => writeln!(screen, "    {line}"),
            };
        }
    }
}

fn supplement(
    one: &SupplementStatus,
    at: &impl Fn(&Option<prost_types::Timestamp>) -> String,
) -> Line {
    let items: Vec<_> = one
        .items
        .iter()
        .map(|item| format!("{} ({}; {})", item.evidence, item.reason, item.legal_basis))
        .collect();
    let asked = format!(
        "lần {} · {} yêu cầu lúc {} · {}",
        one.number,
        one.agency_code,
        at(&one.asked_at),
        items.join(", ")
    );
    match (one.ended_at.is_some(), one.expired) {
        (true, true) => (style("✗").red(), format!("{asked} · quá hạn bổ sung")),
        (true, false) => {
            let ended = at(&one.ended_at);
            (
                style("✓").green(),
                format!("{asked} · đã bổ sung lúc {ended}"),
            )
        }
        (false, _) => {
            let due = at(&one.due_at);
            (style("…").yellow(), format!("{asked} · chờ đến {due}"))
        }
    }
}

fn obligation(
    one: &ObligationStatus,
    at: &impl Fn(&Option<prost_types::Timestamp>) -> String,
) -> Line {
    let owed = format!(
        "{} · {} · {}",
        words::vnd(one.amount_vnd),
        one.purpose,
        one.obligation_id
    );
    let due = at(&one.due_at);
    match one.payment_reference.as_str() {
        "" if one.overdue => (
            style("✗").red(),
            format!("{owed} · chưa nộp, quá hạn {due}"),
        ),
        "" if due.is_empty() => (style("…").yellow(), format!("{owed} · chưa nộp")),
        "" => (style("…").yellow(), format!("{owed} · chưa nộp, hạn {due}")),
        reference => (style("✓").green(), format!("{owed} · đã nộp ({reference})")),
    }
}

fn pause(one: &PauseStatus, at: &impl Fn(&Option<prost_types::Timestamp>) -> String) -> Line {
    let (part, why) = (&one.part_id, words::pause_vi(one.reason()));
    let from = at(&one.from);
    if one.until.is_none() {
        let said = format!("{part} · {why} · từ {from}, chưa kết thúc");
        return (style("…").yellow(), said);
    }
    let then = if one.reset {
        "tính lại từ đầu"
    } else {
        "tính tiếp"
    };
    let until = at(&one.until);
    let said = format!("{part} · {why} · từ {from} đến {until}, rồi {then}");
    (style("·").dim(), said)
}

fn times(dossier: &TrackResponse) -> Vec<Line> {
    let names: HashMap<&str, &str> = dossier
        .steps
        .iter()
        .map(|step| (step.agency_code.as_str(), step.agency_name.as_str()))
        .filter(|(_, name)| !name.is_empty())
        .collect();
    let mut times: Vec<_> = dossier
        .times
        .iter()
        .filter(|time| time.working_seconds > 0)
        .collect();
    times.sort_by_key(|time| std::cmp::Reverse(time.working_seconds));
    let said = times.into_iter().map(|time| {
        let code = time.agency_code.as_str();
        let who = match time.holder() {
            TimeHolder::Agency => names.get(code).copied().unwrap_or(code),
            TimeHolder::Citizen => "người dân",
            TimeHolder::Transport => "vận chuyển của hệ thống",
            TimeHolder::Nobody => "không ai (dừng, chờ phân công)",
            TimeHolder::Unspecified => "không rõ",
        };
        let long = words::working_time(time.working_seconds);
        (style("·").dim(), format!("{who}: {long} làm việc"))
    });
    said.collect()
}

fn desk(dossier: &TrackResponse) -> Vec<Line> {
    let mut lines = Vec::new();
    match dossier.delivery_status() {
        DeliveryStatus::Waiting => {
            lines.push((
                style("…").yellow(),
                "kết quả chờ trả cho người dân".to_owned(),
            ));
        }
        DeliveryStatus::Partly => {
            lines.push((style("…").yellow(), "đã trả một phần kết quả".to_owned()));
        }
        DeliveryStatus::Done => {
            lines.push((style("✓").green(), "đã trả hết kết quả".to_owned()));
        }
        DeliveryStatus::None | DeliveryStatus::Unspecified => {}
    }
    if dossier.finance_status() == FinanceStatus::Owed {
        lines.push((
            style("…").yellow(),
            "người dân còn phải nộp tiền".to_owned(),
        ));
    }
    if dossier.visits > 0 {
        let said = format!(
            "người dân đến {} lần · hỏi lại giấy tờ đã có {} lần",
            dossier.visits, dossier.papers_asked_twice
        );
        lines.push((style("·").dim(), said));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::v1::{PauseReason, TimeHeld};

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn an_officer_reads_who_had_the_time_and_what_is_owed() {
        let dossier = TrackResponse {
            received_at: at(1_795_316_400),
            obligations: vec![ObligationStatus {
                obligation_id: "NV-1".into(),
                amount_vnd: 30_000_000,
                purpose: "Thuế".into(),
                due_at: at(1_795_320_000),
                ..Default::default()
            }],
            pauses: vec![PauseStatus {
                part_id: "transfer".into(),
                reason: PauseReason::Payment as i32,
                from: at(1_795_316_400),
                ..Default::default()
            }],
            times: vec![TimeHeld {
                holder: TimeHolder::Citizen as i32,
                working_seconds: 3_600,
                ..Default::default()
            }],
            ..Default::default()
        };
        let screen = terminal::strip_ansi_codes(&render(&dossier, 80)).into_owned();
        for line in [
            "  … 30.000.000 đồng · Thuế · NV-1 · chưa nộp, hạn 11:00:00",
            "  … transfer · chờ nộp tiền · từ 10:00:00, chưa kết thúc",
            "  · người dân: 1 giờ làm việc",
        ] {
            assert!(screen.contains(line), "{line} in {screen}");
        }
        assert!(!screen.contains("Supplements"), "{screen}");
    }
}
