//! One dossier on one screen: where it stands, its parts, its steps, and its control slip.

use super::{rules, slip, table::wrap, time, words};
use contract::v1::{self, DossierState, PartState, StepState};
use std::fmt::Write as _;
use terminal::{StyledObject, measure_text_width, style};

/// Columns that the names of steps and parts may take.
const TITLE_COLUMNS_MAX: usize = 32;
/// Columns that what is said of them needs at least to stand beside.
const SAID_COLUMNS_MIN: usize = 24;

/// The screen for the desk of this agency code, in lines of at most `columns`.
pub(crate) fn render(dossier: &v1::TrackResponse, desk: &str, columns: usize) -> String {
    let mut screen = String::new();
    // A text cannot refuse to be written to.
    let national = match words::national_vi(dossier.national_status()) {
        "" => String::new(),
        national => format!("  {}", style(national).cyan()),
    };
    let _ = writeln!(
        screen,
        "{}  {}{national}",
        style(&dossier.dossier_code).bold(),
        state(dossier.state())
    );
    if let Some(title) = &dossier.procedure_title {
        for line in [&title.vi, &title.en]
            .into_iter()
            .flat_map(|title| wrap(title, columns))
        {
            let _ = writeln!(screen, "{line}");
        }
    }
    let times = [
        ("arrived", &dossier.arrived_at),
        ("filed", &dossier.filed_at),
        ("received", &dossier.received_at),
        ("promised", &dossier.promised_at),
        ("closed", &dossier.closed_at),
    ];
    for (what, at) in times {
        if let Some(at) = time::read(at) {
            let _ = writeln!(screen, "  {what:<9} {}", time::full(at));
        }
    }

    let titles = dossier
        .parts
        .iter()
        .map(|part| measure_text_width(&title_of(&part.title, &part.part_id)));
    let titles = titles.chain(
        dossier
            .steps
            .iter()
            .map(|step| measure_text_width(&title_of(&step.title, &step.step_id))),
    );
    let width = titles.max().unwrap_or(0).min(TITLE_COLUMNS_MAX);

    let _ = writeln!(screen, "\n{}", style("Parts").bold());
    for part in &dossier.parts {
        let mut said = words::part(part.state()).to_owned();
        if part.state() == PartState::InProcess
            && let Some(at) = time::read(&part.promised_at)
        {
            let _ = write!(said, ", promised {}", time::full(at));
        }
        if part.extensions > 0 {
            let _ = write!(said, ", hẹn lại {} lần", part.extensions);
        }
        for reason in part.pauses() {
            let _ = write!(said, ", tạm dừng tính giờ: {}", words::pause_vi(reason));
        }
        let mark = mark_of_part(part.state());
        put(
            &mut screen,
            mark,
            &title_of(&part.title, &part.part_id),
            &said,
            width,
            columns,
        );
    }

    let _ = writeln!(screen, "\n{}", style("Steps").bold());
    let received = time::read(&dossier.received_at);
    for step in in_order(dossier) {
        let said = step_in_words(step, received);
        let mark = mark_of_step(step.state());
        put(
            &mut screen,
            mark,
            &title_of(&step.title, &step.step_id),
            &said,
            width,
            columns,
        );
    }

    screen.push_str(&rules::render(dossier, columns));
    let _ = writeln!(
        screen,
        "\n{}",
        style("Control slip (phiếu kiểm soát)").bold()
    );
    let name = |code: &str| {
        if code == desk {
            format!("this desk ({code})")
        } else {
            code.to_owned()
        }
    };
    screen.push_str(&slip::render(dossier, columns, 2, name));
    screen
}

/// The steps in the order in which they were first handed over; those that were not come last.
fn in_order(dossier: &v1::TrackResponse) -> Vec<&v1::StepStatus> {
    let mut steps: Vec<_> = dossier.steps.iter().collect();
    steps.sort_by_key(|step| {
        let first = dossier
            .control_slip
            .iter()
            .position(|row| row.step_id == step.step_id);
        first.unwrap_or(usize::MAX)
    });
    steps
}

/// What there is to say of a step: its state, who is at it, since when, what it waits for.
fn step_in_words(step: &v1::StepStatus, received: Option<jiff::Timestamp>) -> String {
    let mut said = vec![words::step(step.state()).to_owned()];
    if step.state() == StepState::Waiting && !step.waiting_for.is_empty() {
        said = vec![format!("waits for {}", step.waiting_for.join(", "))];
    }
    let agency = if step.agency_name.is_empty() {
        &step.agency_code
    } else {
        &step.agency_name
    };
    let officer = step
        .officer
        .as_ref()
        .map_or("", |officer| officer.name.as_str());
    match officer {
        "" => said.push(agency.clone()),
        officer => said.push(format!("{agency} ({officer})")),
    }
    if step.round > 1 && !step.task.is_empty() {
        said.push(format!("round {}: {}", step.round, step.task));
    }
    let at =
        |at: &Option<prost_types::Timestamp>| time::read(at).map(|at| time::beside(at, received));
    match (at(&step.held_since), at(&step.finished_at)) {
        (Some(held), Some(finished)) => said.push(format!("{held} to {finished}")),
        (Some(held), None) => said.push(format!("since {held}")),
        (None, Some(finished)) => said.push(format!("at {finished}")),
        (None, None) => said.extend(at(&step.due_since).map(|due| format!("due since {due}"))),
    }
    if let (false, Some(due)) = (is_finished(step.state()), at(&step.due_at)) {
        said.push(format!("limit ends {due}"));
    }
    if !step.reason.is_empty() {
        said.push(step.reason.clone());
    }
    said.join(" · ")
}

fn is_finished(state: StepState) -> bool {
    matches!(
        state,
        StepState::Completed | StepState::Refused | StepState::Ended | StepState::Skipped
    )
}

/// One line with its mark and name, and what is said of it beside it, or below where it is narrow.
fn put(
    screen: &mut String,
    mark: StyledObject<&'static str>,
    title: &str,
    said: &str,
    width: usize,
    columns: usize,
) {
    let room = columns.saturating_sub(width + 6);
    if room < SAID_COLUMNS_MIN {
        let _ = writeln!(screen, "  {mark} {title}");
        for line in wrap(said, columns.saturating_sub(6)) {
            let _ = writeln!(screen, "      {line}");
        }
        return;
    }
    let (titles, said) = (wrap(title, width), wrap(said, room));
    for n in 0..titles.len().max(said.len()) {
        let title = titles.get(n).map_or("", String::as_str);
        let said = said.get(n).map_or("", String::as_str);
        let padding = width.saturating_sub(measure_text_width(title));
        let start = if n == 0 {
            format!("  {mark} ")
        } else {
            "    ".to_owned()
        };
        let line = format!("{start}{title}{:padding$}  {said}", "");
        let _ = writeln!(screen, "{}", line.trim_end());
    }
}

fn title_of(title: &Option<v1::Text>, id: &str) -> String {
    match title {
        Some(title) if !title.en.is_empty() => title.en.clone(),
        _ => id.to_owned(),
    }
}

fn state(state: DossierState) -> StyledObject<&'static str> {
    let word = style(words::dossier(state));
    match state {
        DossierState::Closed => word.green(),
        DossierState::InProcess | DossierState::Filed => word.cyan(),
        DossierState::WaitingForCitizen => word.yellow(),
        _ => word.red(),
    }
}

fn mark_of_part(state: PartState) -> StyledObject<&'static str> {
    match state {
        PartState::Completed => style("✓").green(),
        PartState::Refused | PartState::Ended => style("✗").red(),
        PartState::Skipped => style("–").dim(),
        _ => style("…").cyan(),
    }
}

fn mark_of_step(state: StepState) -> StyledObject<&'static str> {
    match state {
        StepState::Completed => style("✓").green(),
        StepState::Refused | StepState::Declined | StepState::Ended => style("✗").red(),
        StepState::Waiting => style("·").dim(),
        StepState::Skipped => style("–").dim(),
        _ => style("…").cyan(),
    }
}
