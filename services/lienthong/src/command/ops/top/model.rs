//! What the live screen shows, and what a key does to it. It knows no terminal and no broker.

use contract::v1::{DepartmentStatus, Flow, Incident, OverviewResponse, RedriveKind, Today};
use ratatui::widgets::TableState;

/// Characters that a reason may have on this screen.
const REASON_CHARS_MAX: usize = 200;

/// A page of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tab {
    #[default]
    Departments,
    Flow,
    Incidents,
}

impl Tab {
    pub(super) const ALL: [Self; 3] = [Self::Departments, Self::Flow, Self::Incidents];

    fn turned(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }
}

/// What was seen at the broker.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) page: OverviewResponse,
    pub(super) departments: Vec<DepartmentStatus>,
    pub(super) incidents: Vec<Incident>,
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    Letter(char),
    Up,
    Down,
    Next,
    Before,
    Enter,
    Escape,
    Erase,
    Interrupt,
    Other,
}

/// What a key wants done outside.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Quit,
    Do(Deed),
}

/// What the operator confirmed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Retry { agency: String, reason: String },
    Redrive { incident: String, reason: String },
}

/// What is asked before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asking {
    /// What will be done.
    pub(super) question: String,
    /// Why, as far as it is typed.
    pub(super) reason: String,
    about: About,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Agency(String),
    Incident(String),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) tab: Tab,
    pub(super) today: Option<Today>,
    pub(super) flows: Vec<Flow>,
    pub(super) departments: Vec<DepartmentStatus>,
    pub(super) incidents: Vec<Incident>,
    pub(super) asking: Option<Asking>,
    /// What came of the last act.
    pub(super) told: String,
    pub(super) is_away: bool,
    chosen: [TableState; 3],
}

impl Model {
    /// Takes what was seen.
    pub(super) fn see(&mut self, seen: Seen) {
        let Seen {
            mut page,
            departments,
            incidents,
        } = seen;
        page.flows
            .sort_by_key(|flow| std::cmp::Reverse((flow.overdue, flow.open)));
        self.flows = page.flows;
        self.today = page.today;
        self.departments = departments;
        self.incidents = incidents;
        self.is_away = false;
        for tab in Tab::ALL {
            let rows = self.rows(tab);
            let chosen = &mut self.chosen[tab as usize];
            let row = chosen.selected().unwrap_or(0);
            chosen.select(rows.checked_sub(1).map(|last| row.min(last)));
        }
    }

    /// The broker did not answer; what was seen stays.
    pub(super) fn miss(&mut self) {
        self.is_away = true;
    }

    /// Says what came of an act.
    pub(super) fn tell(&mut self, told: String) {
        self.told = told;
    }

    /// Which row is chosen on the page that is shown.
    pub(super) fn chosen(&mut self) -> &mut TableState {
        &mut self.chosen[self.tab as usize]
    }

    fn rows(&self, tab: Tab) -> usize {
        match tab {
            Tab::Departments => self.departments.len(),
            Tab::Flow => self.flows.len(),
            Tab::Incidents => self.incidents.len(),
        }
    }

    /// Lets a key do what it does.
    pub(super) fn press(&mut self, key: Press) -> Wish {
        if key == Press::Interrupt {
            return Wish::Quit;
        }
        match self.asking.take() {
            Some(asking) => self.answer(asking, key),
            None => self.go(key),
        }
    }

    fn go(&mut self, key: Press) -> Wish {
        match key {
            Press::Letter('q') | Press::Escape => return Wish::Quit,
            Press::Next => self.tab = self.tab.turned(1),
            Press::Before => self.tab = self.tab.turned(Tab::ALL.len() - 1),
            Press::Up | Press::Letter('k') => self.chosen().select_previous(),
            Press::Down | Press::Letter('j') => self.chosen().select_next(),
            Press::Letter('r') => self.ask(),
            _ => {}
        }
        let rows = self.rows(self.tab);
        if let Some(row) = self.chosen().selected() {
            self.chosen()
                .select(rows.checked_sub(1).map(|last| row.min(last)));
        }
        Wish::Nothing
    }

    /// Asks whether what is chosen shall be tried again.
    fn ask(&mut self) {
        let Some(row) = self.chosen().selected() else {
            return;
        };
        let (question, about) = match self.tab {
            Tab::Departments | Tab::Flow => {
                let department = self.departments.get(row).map(|one| &one.agency_code);
                let flow = self.flows.get(row).map(|one| &one.agency_code);
                let agency = match self.tab {
                    Tab::Flow => flow,
                    _ => department,
                };
                let Some(agency) = agency.cloned() else {
                    return;
                };
                (
                    format!("Try now all that {agency} is owed?"),
                    About::Agency(agency),
                )
            }
            Tab::Incidents => {
                let Some(incident) = self.incidents.get(row) else {
                    return;
                };
                let what = match incident.redrive() {
                    RedriveKind::Retry => "Try again",
                    RedriveKind::Release => "Release the dossier of",
                    RedriveKind::Close => "Close",
                    RedriveKind::Nothing | RedriveKind::Unspecified => {
                        self.told =
                            "there is nothing to try: it ends when somebody else does something"
                                .into();
                        return;
                    }
                };
                let id = incident.incident_id.clone();
                (
                    format!("{what} incident {id} {}?", incident.cause),
                    About::Incident(id),
                )
            }
        };
        self.asking = Some(Asking {
            question,
            reason: String::new(),
            about,
        });
    }

    fn answer(&mut self, mut asking: Asking, key: Press) -> Wish {
        match key {
            Press::Escape => return Wish::Nothing,
            Press::Enter if !asking.reason.trim().is_empty() => {
                let reason = asking.reason.trim().to_owned();
                return Wish::Do(match asking.about {
                    About::Agency(agency) => Deed::Retry { agency, reason },
                    About::Incident(incident) => Deed::Redrive { incident, reason },
                });
            }
            Press::Erase => drop(asking.reason.pop()),
            Press::Letter(letter) if asking.reason.chars().count() < REASON_CHARS_MAX => {
                asking.reason.push(letter);
            }
            _ => {}
        }
        self.asking = Some(asking);
        Wish::Nothing
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two departments, a flow and an incident of each sort.
    pub(in super::super) fn model() -> Model {
        let department = |code: &str, name: &str, owed| DepartmentStatus {
            agency_code: code.into(),
            name: name.into(),
            owed,
            owed_by_minute: vec![0, owed / 2, owed],
            window_items: 3,
            window_items_max: 64,
            ..DepartmentStatus::default()
        };
        let incident = |id: &str, cause: &str, redrive: RedriveKind| Incident {
            incident_id: id.into(),
            cause: cause.into(),
            redrive: redrive.into(),
            agency_code: "G01.99.01".into(),
            ..Incident::default()
        };
        let flow = |step: &str, open, overdue| Flow {
            desk_name: "Bộ phận một cửa xã Mẫu Một".into(),
            step_id: step.into(),
            agency_code: "G01.99.01".into(),
            agency_name: "Công an xã Mẫu Một".into(),
            open,
            overdue,
            ..Flow::default()
        };
        let mut model = Model::default();
        model.see(Seen {
            page: OverviewResponse {
                today: Some(Today {
                    received: 12,
                    open: 7,
                    overdue: 1,
                    ..Today::default()
                }),
                flows: vec![
                    flow("register_birth", 5, 0),
                    flow("register_residence", 2, 1),
                ],
                ..OverviewResponse::default()
            },
            departments: vec![
                DepartmentStatus {
                    is_reachable: true,
                    ..department("G01.99.01", "Công an xã Mẫu Một", 40)
                },
                DepartmentStatus {
                    suspended: true,
                    ..department("H99.01.02", "Tư pháp - hộ tịch, UBND xã Mẫu Một", 0)
                },
            ],
            incidents: vec![
                incident("17", "HANDOVER_REFUSED", RedriveKind::Retry),
                incident("16", "LIMIT_PASSED", RedriveKind::Nothing),
            ],
        });
        model
    }

    fn types(model: &mut Model, text: &str) {
        for letter in text.chars() {
            assert_eq!(model.press(Press::Letter(letter)), Wish::Nothing);
        }
    }

    #[test]
    fn nothing_is_tried_before_it_is_confirmed_with_a_reason() {
        let mut model = model();
        assert_eq!(model.press(Press::Letter('r')), Wish::Nothing);
        let asking = model.asking.clone().unwrap();
        assert_eq!(asking.question, "Try now all that G01.99.01 is owed?");
        assert_eq!(
            model.press(Press::Enter),
            Wish::Nothing,
            "without a reason nothing is done"
        );
        // Letters that do something elsewhere are letters here.
        types(&mut model, "query r");
        model.press(Press::Erase);
        let wish = model.press(Press::Enter);
        let (agency, reason) = ("G01.99.01".into(), "query".into());
        assert_eq!(wish, Wish::Do(Deed::Retry { agency, reason }));
        assert!(model.asking.is_none());

        model.press(Press::Letter('r'));
        types(&mut model, "no");
        assert_eq!(model.press(Press::Escape), Wish::Nothing);
        assert!(model.asking.is_none());
        assert_eq!(model.press(Press::Escape), Wish::Quit);
    }

    #[test]
    fn what_is_chosen_on_each_page_is_what_is_tried() {
        let mut model = model();
        model.press(Press::Down);
        for _ in 0..9 {
            model.press(Press::Down);
        }
        assert_eq!(
            model.chosen().selected(),
            Some(1),
            "no further than the last"
        );
        model.press(Press::Next);
        assert_eq!(model.tab, Tab::Flow);
        assert_eq!(
            model.flows[0].step_id, "register_residence",
            "what is late comes first"
        );
        model.press(Press::Next);
        model.press(Press::Letter('r'));
        types(&mut model, "mended");
        let (incident, reason) = ("17".into(), "mended".into());
        assert_eq!(
            model.press(Press::Enter),
            Wish::Do(Deed::Redrive { incident, reason })
        );
        model.press(Press::Down);
        model.press(Press::Letter('r'));
        assert!(model.asking.is_none() && !model.told.is_empty());
        model.press(Press::Next);
        assert_eq!(
            (model.tab, model.chosen().selected()),
            (Tab::Departments, Some(1))
        );
        // What is gone is not chosen.
        model.see(Seen::default());
        assert_eq!(model.chosen().selected(), None);
        model.press(Press::Down);
        model.press(Press::Letter('r'));
        assert!(model.asking.is_none());
        assert_eq!(model.press(Press::Letter('q')), Wish::Quit);
    }
}
