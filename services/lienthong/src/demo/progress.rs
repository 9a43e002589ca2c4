//! What happens, as it happens: a line a step, in place on a terminal and one after the other
//! elsewhere.

use super::journey::Journey;
use crate::screen::{self, table::wrap, tell, words};
use contract::v1::{self, PeerReturnState, StepState, notice::Kind};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
    time::{Duration, Instant},
};
use terminal::{Term, measure_text_width, style};

/// Between two frames of what is under way.
const FRAME: Duration = Duration::from_millis(100);

/// The progress of all dossiers.
pub(crate) struct Progress {
    journey: Rc<Journey>,
    started: Instant,
    view: View,
    dossiers: HashMap<String, Following>,
}

enum View {
    /// Lines that change in place.
    Live(MultiProgress),
    /// Lines one after the other, on standard output or, beside JSON, on standard error.
    Plain { to_error: bool },
}

struct Following {
    number: usize,
    heading: ProgressBar,
    steps: BTreeMap<String, ProgressBar>,
}

impl Progress {
    /// Nothing yet. With `json` standard output is kept free for it.
    pub(crate) fn new(journey: Rc<Journey>, started: Instant, json: bool) -> Self {
        let view = if !json && Term::stdout().is_term() {
            View::Live(MultiProgress::with_draw_target(ProgressDrawTarget::stdout()))
        } else {
            View::Plain { to_error: json }
        };
        Self {
            journey,
            started,
            view,
            dossiers: HashMap::new(),
        }
    }

    /// Tells something that happened, for good.
    pub(crate) fn say(&self, what: &str) {
        let since = format!("{:5.1} s  ", self.started.elapsed().as_secs_f32());
        match &self.view {
            View::Live(lines) => {
                let room = screen::columns().saturating_sub(since.len());
                for (number, line) in wrap(what, room).into_iter().enumerate() {
                    let start = if number == 0 { since.as_str() } else { "" };
                    // What cannot be drawn is not worth ending for.
                    let _ = lines.println(format!("{start:width$}{line}", width = since.len()));
                }
            }
            View::Plain { to_error: false } => tell!("{since}{what}"),
            View::Plain { to_error: true } => eprintln!("{since}{what}"),
        }
    }

    /// Begins to follow a dossier.
    pub(crate) fn follow(&mut self, number: usize, code: &str, story: &str) {
        let heading = format!("{number}  {}", style(code).bold());
        let View::Live(lines) = &self.view else {
            self.say(&format!("dossier {number} is {code}: {story}"));
            let following = Following {
                number,
                heading: ProgressBar::hidden(),
                steps: BTreeMap::new(),
            };
            self.dossiers.insert(code.to_owned(), following);
            return;
        };
        let heading_bar =
            lines.add(ProgressBar::new_spinner().with_style(line_style("{prefix}{wide_msg}")));
        heading_bar.set_prefix(heading);
        heading_bar.set_message(format!("  {story}"));
        let steps = self.journey.steps().into_iter().map(|step| {
            let bar = lines.add(ProgressBar::new_spinner());
            put(
                &bar,
                StepState::Waiting,
                self.step_line(step, "waiting", ""),
            );
            (step.to_owned(), bar)
        });
        let following = Following {
            number,
            heading: heading_bar,
            steps: steps.collect(),
        };
        self.dossiers.insert(code.to_owned(), following);
    }

    /// Shows what a notice tells.
    pub(crate) fn show(&self, notice: &v1::Notice) {
        let Some(dossier) = self.dossiers.get(&notice.dossier_code) else {
            return;
        };
        let number = dossier.number;
        let evidence = |name: &str| self.journey.evidence(name);
        match &notice.kind {
            Some(Kind::Step(step)) => self.show_step(dossier, step),
            Some(Kind::Result(result)) if result.version > 1 => self.say(&format!(
                "{} {number}: {} comes anew as version {}",
                style("✦").green(),
                evidence(&result.evidence),
                result.version
            )),
            Some(Kind::Result(result)) if self.journey.is_result(&result.evidence) => {
                self.say(&format!(
                    "{} {number}: {} can be handed out",
                    style("✦").green(),
                    evidence(&result.evidence)
                ));
            }
            Some(Kind::PeerReturn(back)) => {
                let (asking, giving) = (
                    self.journey.step(&back.asking_step_id),
                    self.journey.step(&back.giving_step_id),
                );
                let what = evidence(&back.evidence);
                self.say(&match back.state() {
                    PeerReturnState::Asked => format!(
                        "{} {number}: {what} goes back from “{asking}” to “{giving}”; the citizen is asked nothing",
                        style("↩").yellow()
                    ),
                    state => format!(
                        "{} {number}: {what} is {}; version {} holds",
                        style("↪").yellow(),
                        words::peer_return(state),
                        back.version
                    ),
                });
            }
            Some(Kind::Closed(_)) => {
                let heading = dossier.heading.prefix();
                dossier
                    .heading
                    .set_prefix(format!("{heading}  {}", style("closed").green()));
                self.say(&format!("{} {number}: closed", style("✓").green()));
            }
            Some(Kind::SupplementAsked(asked)) => self.say(&format!(
                "{} {number}: the citizen is asked for {}",
                style("!").red(),
                asked
                    .items
                    .iter()
                    .map(|item| evidence(&item.evidence))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
            Some(Kind::PaymentAsked(asked)) => self.say(&format!(
                "{} {number}: {} to be paid, the clock stands still: {}",
                style("₫").yellow(),
                words::vnd(asked.amount_vnd),
                asked.purpose
            )),
            Some(Kind::Paid(paid)) => self.say(&format!(
                "{} {number}: {} is paid, the clock goes on",
                style("₫").green(),
                paid.obligation_id
            )),
            Some(Kind::HandedOut(out)) => self.say(&format!(
                "{} {number}: {} is with the citizen",
                style("→").green(),
                evidence(&out.evidence)
            )),
            Some(Kind::Reused(reused)) => self.say(&format!(
                "{} {number}: {} comes from the vault ({})",
                style("⌂").green(),
                evidence(&reused.evidence),
                reused.vault_code
            )),
            _ => {}
        }
    }

    fn show_step(&self, dossier: &Following, step: &v1::NoticeStep) {
        if step.task == "inform" || step.step_id.starts_with("slip_") {
            return;
        }
        if step.step_id.starts_with("look_up_") && step.state() == StepState::Due {
            self.say(&format!(
                "{} {}: “{}” at {}, not from the citizen",
                style("?").cyan(),
                dossier.number,
                self.journey.step(&step.step_id),
                self.journey.agency(&step.agency_code)
            ));
            return;
        }
        if !self.journey.is_own_step(&step.step_id) && step.state() != StepState::Completed {
            return;
        }
        if (step.state(), step.task.as_str()) == (StepState::Due, "review") {
            self.say(&format!(
                "{} {}: “{}” used the old version and is asked whether its result stands",
                style("?").yellow(),
                dossier.number,
                self.journey.step(&step.step_id)
            ));
        }
        let mut who = self.journey.agency(&step.agency_code);
        let officer = step
            .officer
            .as_ref()
            .filter(|officer| !officer.name.is_empty());
        if let Some(officer) = officer {
            who = format!("{who} ({})", officer.name);
        }
        let state = match (step.state(), step.round) {
            (StepState::Held, 0 | 1) if officer.is_some() => "taken up".to_owned(),
            (StepState::Completed, _) | (_, 0 | 1) => words::step(step.state()).to_owned(),
            (state, _) => format!("{} to {}", words::step(state), step.task),
        };
        match (&self.view, dossier.steps.get(&step.step_id)) {
            (View::Live(_), Some(bar)) => {
                put(
                    bar,
                    step.state(),
                    self.step_line(&step.step_id, &state, &who),
                );
            }
            _ => {
                let title = self.journey.step(&step.step_id);
                self.say(&format!("  {}: {title}: {state}, {who}", dossier.number));
            }
        }
    }

    fn step_line(&self, step: &str, state: &str, who: &str) -> String {
        let titles = self
            .journey
            .steps()
            .into_iter()
            .map(|step| self.journey.step(step));
        let width = titles
            .map(|title| measure_text_width(&title))
            .max()
            .unwrap_or(0);
        let title = self.journey.step(step);
        let padding = width.saturating_sub(measure_text_width(&title));
        format!("{title}{:padding$}  {state:<14}  {who}", "")
    }

    /// Leaves the lines as they are now.
    pub(crate) fn end(&self) {
        for dossier in self.dossiers.values() {
            for bar in dossier.steps.values().chain([&dossier.heading]) {
                bar.abandon();
            }
        }
        if let View::Live(_) = self.view {
            // The last of the lines is not ended yet.
            tell!();
        }
    }
}

/// Shows a step's line with the mark of its state.
fn put(bar: &ProgressBar, state: StepState, line: String) {
    let mark = match state {
        StepState::Completed => style("✓").green(),
        StepState::Refused | StepState::Declined | StepState::Ended => style("✗").red(),
        StepState::Waiting | StepState::Unspecified => style("·").dim(),
        StepState::Skipped => style("–").dim(),
        StepState::Due | StepState::PossiblyHeld | StepState::Held => {
            bar.set_style(line_style("   {spinner:.cyan} {wide_msg}"));
            bar.set_message(line);
            bar.enable_steady_tick(FRAME);
            return;
        }
    };
    bar.disable_steady_tick();
    bar.set_style(line_style("   {prefix} {wide_msg}"));
    bar.set_prefix(mark.to_string());
    bar.set_message(line);
}

fn line_style(template: &str) -> ProgressStyle {
    // The templates stand in this file and are sound; a plain line is no worse a show.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
