//! How the live screen looks.

use super::model::{Asking, Model, Tab};
use crate::command::ops::{cells, departments::standing, words};
use contract::v1::{DepartmentStatus, Flow, Incident};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize as _},
    text::{Line, Span},
    widgets::{Block, Cell, Clear, Paragraph, Row, Table, Tabs, Wrap},
};

/// Columns of the question, at most.
const QUESTION_COLUMNS: u16 = 64;
/// Minutes of what was owed that are drawn.
const MINUTES_DRAWN: usize = 30;

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let areas = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(1),
    ]);
    let [head, tabs, rows, foot] = areas.areas(frame.area());
    frame.render_widget(heading(model), head);
    let titles = [
        format!("Departments {}", model.departments.len()),
        format!("Flow {}", model.flows.len()),
        format!("Incidents {}", model.incidents.len()),
    ];
    let chosen = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(
        Tabs::new(titles)
            .select(model.tab as usize)
            .highlight_style(chosen),
        tabs,
    );
    let table = match model.tab {
        Tab::Departments => of_departments(&model.departments, rows.width),
        Tab::Flow => of_flows(&model.flows),
        Tab::Incidents => of_incidents(&model.incidents),
    };
    let table = table.row_highlight_style(chosen).column_spacing(2);
    frame.render_stateful_widget(table, rows, model.chosen());
    frame.render_widget(footing(model), foot);
    if let Some(asking) = &model.asking {
        ask(frame, asking);
    }
}

fn heading(model: &Model) -> Line<'static> {
    let today = model.today.unwrap_or_default();
    let mut said = vec![
        Span::from("Liên thông").bold(),
        Span::from(format!(
            "  today {} received, {} closed  ·  {} open, {} wait for the citizen  ",
            today.received, today.closed, today.open, today.waiting_for_citizen
        )),
    ];
    if today.overdue > 0 {
        said.push(Span::from(format!("{} overdue", today.overdue)).fg(Color::Red));
    }
    if model.is_away {
        said.push(Span::from("  the broker is away").fg(Color::Red).bold());
    }
    Line::from(said)
}

fn footing(model: &Model) -> Line<'_> {
    match model.told.is_empty() {
        true => Line::from("tab switches · ↑↓ choose · r tries again · q ends").dim(),
        false => Line::from(model.told.as_str()).fg(Color::Yellow),
    }
}

fn head<const N: usize>(titles: [&'static str; N]) -> Row<'static> {
    Row::new(titles).style(Style::new().bold())
}

fn of_departments(departments: &[DepartmentStatus], width: u16) -> Table<'static> {
    let rows = departments.iter().map(|one| {
        let line = standing(one);
        let colour = match (one.suspended, one.is_reachable, one.failures) {
            (true, _, _) => Color::Yellow,
            (_, true, _) => Color::Green,
            (_, _, 0) => Color::Reset,
            _ => Color::Red,
        };
        let minutes = &one.owed_by_minute;
        let drawn = &minutes[minutes.len().saturating_sub(MINUTES_DRAWN)..];
        let overdue = cells::count(one.overdue_steps);
        Row::new([
            Cell::from(one.agency_code.clone()),
            Cell::from(one.name.clone()),
            Cell::from(line).style(colour),
            Cell::from(one.owed.to_string()),
            Cell::from(format!("{}/{}", one.window_items, one.window_items_max)),
            Cell::from(one.verdicts_last_minute.to_string()),
            Cell::from(one.open_steps.to_string()),
            Cell::from(overdue).style(Color::Red),
            Cell::from(cells::columns(drawn)),
        ])
    });
    let minutes = match width {
        110.. => Constraint::Length(MINUTES_DRAWN as u16),
        _ => Constraint::Length(0),
    };
    Table::new(
        rows.collect::<Vec<_>>(),
        [
            Constraint::Length(14),
            Constraint::Fill(1),
            Constraint::Length(15),
            Constraint::Length(7),
            Constraint::Length(9),
            Constraint::Length(6),
            Constraint::Length(6),
            Constraint::Length(7),
            minutes,
        ],
    )
    .header(head([
        "Department",
        "Name",
        "Line",
        "Owed",
        "Under way",
        "/min",
        "Open",
        "Overdue",
        "Owed, 30 minutes",
    ]))
}

fn of_flows(flows: &[Flow]) -> Table<'static> {
    let most = flows.iter().map(|flow| flow.open).max().unwrap_or(1).max(1);
    let rows = flows.iter().map(|flow| {
        let step = match cells::en(&flow.step_title) {
            title if title.is_empty() => flow.step_id.clone(),
            title => title,
        };
        let bar = (u128::from(flow.open) * 20).div_ceil(u128::from(most));
        let late = u128::from(flow.overdue) * bar / u128::from(flow.open.max(1));
        let blocks = |count: u128| "█".repeat(usize::try_from(count).unwrap_or(0));
        Row::new([
            Cell::from(flow.desk_name.clone()),
            Cell::from(step),
            Cell::from(flow.agency_name.clone()),
            Cell::from(flow.open.to_string()),
            Cell::from(cells::count(flow.overdue)).style(Color::Red),
            Cell::from(Line::from(vec![
                Span::from(blocks(late)).fg(Color::Red),
                Span::from(blocks(bar - late)).fg(Color::Cyan),
            ])),
        ])
    });
    Table::new(
        rows.collect::<Vec<_>>(),
        [
            Constraint::Fill(2),
            Constraint::Fill(2),
            Constraint::Fill(2),
            Constraint::Length(6),
            Constraint::Length(7),
            Constraint::Length(20),
        ],
    )
    .header(head(["From", "Step", "With", "Open", "Overdue", ""]))
}

fn of_incidents(incidents: &[Incident]) -> Table<'static> {
    let rows = incidents.iter().map(|one| {
        Row::new([
            one.incident_id.clone(),
            cells::at(&one.opened_at),
            one.cause.clone(),
            one.dossier_code.clone(),
            one.agency_code.clone(),
            words::redrive(one.redrive()).into(),
            cells::en(&one.description),
        ])
    });
    Table::new(
        rows.collect::<Vec<_>>(),
        [
            Constraint::Length(6),
            Constraint::Length(19),
            Constraint::Length(22),
            Constraint::Length(26),
            Constraint::Length(12),
            Constraint::Length(8),
            Constraint::Fill(1),
        ],
    )
    .header(head([
        "Id",
        "Since",
        "Cause",
        "Dossier",
        "Agency",
        "r does",
        "What and the way out",
    ]))
}

fn ask(frame: &mut Frame<'_>, asking: &Asking) {
    let all = frame.area();
    let (width, height) = (QUESTION_COLUMNS.min(all.width), 6.min(all.height));
    let area = Rect {
        x: all.x + (all.width - width) / 2,
        y: all.y + (all.height - height) / 2,
        width,
        height,
    };
    let text = vec![
        Line::from(asking.question.clone()).bold(),
        Line::from(format!("Why (it is recorded): {}▏", asking.reason)),
        Line::from(""),
        Line::from("enter does it · esc does not").dim(),
    ];
    frame.render_widget(Clear, area);
    let question = Paragraph::new(text).wrap(Wrap { trim: true });
    frame.render_widget(question.block(Block::bordered()), area);
}

#[cfg(test)]
mod tests {
    use super::{
        super::model::{Press, tests::model},
        *,
    };
    use ratatui::{Terminal, backend::TestBackend};

    fn shown(model: &mut Model, columns: u16, lines: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        terminal.draw(|frame| draw(frame, model)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn each_page_shows_what_is_there() {
        let mut model = model();
        let departments = shown(&mut model, 140, 12);
        for said in [
            "Departments 2",
            "Công an xã Mẫu Một",
            "connected",
            "suspended",
            "3/64",
            "▁▅█",
            "1 overdue",
        ] {
            assert!(departments.contains(said), "{said} in\n{departments}");
        }
        model.press(Press::Next);
        let flow = shown(&mut model, 140, 12);
        let places = ["register_residence", "register_birth"].map(|step| flow.find(step).unwrap());
        assert!(places.is_sorted() && flow.contains("██"), "{flow}");
        model.press(Press::Next);
        let incidents = shown(&mut model, 140, 12);
        for said in ["HANDOVER_REFUSED", "retry", "LIMIT_PASSED", "nothing"] {
            assert!(incidents.contains(said), "{said} in\n{incidents}");
        }
        model.press(Press::Letter('r'));
        model.press(Press::Letter('x'));
        let asked = shown(&mut model, 140, 12);
        assert!(
            asked.contains("Try again incident 17 HANDOVER_REFUSED?"),
            "{asked}"
        );
        assert!(asked.contains("recorded): x"), "{asked}");
    }

    #[test]
    fn no_terminal_is_too_small() {
        for (columns, lines) in [(1, 1), (10, 3), (40, 6), (80, 24), (300, 100)] {
            let mut model = model();
            for _ in 0..3 {
                shown(&mut model, columns, lines);
                model.press(Press::Next);
            }
            model.press(Press::Letter('r'));
            shown(&mut model, columns, lines);
        }
    }

    #[test]
    fn a_broker_that_is_away_is_said_and_what_was_seen_stays() {
        let mut model = model();
        model.miss();
        let screen = shown(&mut model, 140, 12);
        assert!(
            screen.contains("the broker is away") && screen.contains("Mẫu Một"),
            "{screen}"
        );
    }
}
