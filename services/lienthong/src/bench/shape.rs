//! What the bench sends through a town: the procedure, who does its steps, and what is filed.

use super::{
    chain,
    department::{Give, Step},
    pass,
};
use std::{collections::BTreeMap, fmt::Write as _};

/// The desk's agency.
pub(crate) const DESK_AGENCY: &str = "H98.1";
/// The desk's system.
pub(crate) const DESK_SYSTEM: &str = "bench-desk";
/// Territory that all others lie in.
const PROVINCE: &str = "H98";

/// A procedure with those who do its steps.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// Its procedures, each with the name of its file.
    pub(crate) procedures: Vec<(&'static str, String)>,
    /// The processes of departments, each with its agencies and what they do.
    pub(crate) offices: Vec<Office>,
    /// What the desk files.
    pub(crate) filing: Filing,
    /// Further territories, for which it files nothing by itself.
    pub(crate) quiet: Vec<String>,
}

/// One process of departments.
#[derive(Debug, Clone)]
pub(crate) struct Office {
    /// Its name and its system's code.
    pub(crate) name: String,
    /// Its agencies.
    pub(crate) agencies: Vec<Agency>,
    /// Its steps.
    pub(crate) steps: BTreeMap<String, Step>,
}

/// One agency.
#[derive(Debug, Clone)]
pub(crate) struct Agency {
    /// Its code.
    pub(crate) code: String,
    /// Its roles.
    pub(crate) roles: Vec<&'static str>,
    /// Where.
    pub(crate) territory: String,
}

/// What the desk files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filing {
    /// The desk's agency.
    pub(crate) desk: String,
    /// The procedure.
    pub(crate) procedure: String,
    /// The optional parts wanted.
    pub(crate) optional_parts: Vec<String>,
    /// Where dossiers belong, one after the other.
    pub(crate) territories: Vec<String>,
    /// What the citizen gives.
    pub(crate) evidence: Vec<Give>,
    /// Whether it is about a child.
    pub(crate) has_subject: bool,
    /// Steps that no other follows.
    pub(crate) last_steps: u64,
    /// Bytes of data that says when it was sent.
    pub(crate) data_bytes: usize,
}

impl Shape {
    /// The chain of so many steps, done by so many departments: two for each commune, which take
    /// turns. A single department does all the steps.
    pub(crate) fn chain(steps: usize, departments: usize, data_bytes: usize) -> Self {
        let departments = departments.max(1);
        let communes = departments.div_ceil(2);
        let territory = |number: usize| format!("{PROVINCE}_{number:05}");
        let office =
            |name: &str, last: usize, roles: &[&'static str], wanted: &dyn Fn(usize) -> bool| {
                let agencies = (0..communes).map(|number| Agency {
                    code: format!("{PROVINCE}.{}.{last}", number + 2),
                    roles: roles.to_vec(),
                    territory: territory(number),
                });
                let steps = (1..=steps).filter(|number| wanted(*number)).map(|number| {
                    let step = Step {
                        first: number == 1,
                        last: number == steps,
                        stamp: Some(chain::paper(number - 1)),
                        gives: vec![Give {
                            evidence: chain::paper(number),
                            ..Give::default()
                        }],
                    };
                    (chain::step(number), step)
                });
                Office {
                    name: name.into(),
                    agencies: agencies.collect(),
                    steps: steps.collect(),
                }
            };
        let (odd, even) = (chain::ROLE_ODD, chain::ROLE_EVEN);
        let offices = if departments == 1 {
            vec![office("department", 1, &[odd, even], &|_| true)]
        } else {
            vec![
                office("department-odd", 1, &[odd], &|number| number % 2 == 1),
                office("department-even", 2, &[even], &|number| number % 2 == 0),
            ]
        };
        Self {
            quiet: Vec::new(),
            procedures: vec![
                ("chain.toml", chain::procedure(chain::CODE, steps)),
                (
                    "short.toml",
                    chain::procedure(chain::SHORT, chain::SHORT_STEPS),
                ),
            ],
            offices,
            filing: Filing {
                desk: DESK_AGENCY.into(),
                procedure: chain::CODE.into(),
                territories: (0..communes).map(territory).collect(),
                evidence: vec![Give {
                    evidence: chain::paper(0),
                    ..Give::default()
                }],
                last_steps: 1,
                data_bytes,
                ..Filing::default()
            },
        }
    }

    /// Two departments between which items go round and round, for the pass-through.
    pub(crate) fn round(data_bytes: usize) -> Self {
        let mut shape = Self::chain(2, 2, data_bytes);
        for office in &mut shape.offices {
            let step = Step {
                stamp: Some(pass::PAPER.into()),
                gives: vec![Give {
                    evidence: pass::PAPER.into(),
                    ..Give::default()
                }],
                ..Step::default()
            };
            office.steps = BTreeMap::from([(pass::STEP.to_owned(), step)]);
        }
        shape
    }

    /// The birth group as it is shipped, but without papers: they are measured by themselves.
    pub(crate) fn birth(procedure: &str) -> Self {
        let lines = procedure.lines();
        let procedure: Vec<_> = lines
            .filter(|line| !line.starts_with("documents_min"))
            .collect();
        let give = |evidence: &str, subject: &str, data: &str| Give {
            evidence: evidence.into(),
            schema_id: format!("lienthong:{evidence}:1"),
            subject: subject.into(),
            data: Some(data.into()),
        };
        let territory = format!("{PROVINCE}_00000");
        let agency = |code: &str, role| Agency {
            code: format!("{PROVINCE}.{code}"),
            roles: vec![role],
            territory: territory.clone(),
        };
        let step = |id: &str, first, gives: Vec<Give>| {
            let step = Step {
                first,
                last: !first,
                stamp: None,
                gives,
            };
            (id.to_owned(), step)
        };
        let certificate = r#"{"number":"{n}/2026","registered_on":"2026-11-19","registered_by":"UBND xã Mẫu Một","child":{"name":"Nguyễn Bình Mẫu","born_on":"2026-11-18","sex":"MALE"}}"#;
        let offices = vec![
            Office {
                name: "civil-status-and-insurance".into(),
                agencies: vec![
                    agency("2.1", "COMMUNE_CIVIL_STATUS"),
                    agency("2.2", "SOCIAL_INSURANCE"),
                ],
                steps: BTreeMap::from([
                    step(
                        "register_birth",
                        true,
                        vec![
                            give("birth_certificate", "child", certificate),
                            give(
                                "personal_id",
                                "child",
                                r#"{"personal_id":"099{n}","name":"Nguyễn Bình Mẫu","born_on":"2026-11-18","sex":"MALE"}"#,
                            ),
                        ],
                    ),
                    step(
                        "issue_health_card",
                        false,
                        vec![give(
                            "health_card",
                            "child",
                            r#"{"card_number":"TE1990{n}","name":"Nguyễn Bình Mẫu","personal_id":"099{n}","born_on":"2026-11-18","valid_from":"2026-11-18","facility":"99-001"}"#,
                        )],
                    ),
                ]),
            },
            Office {
                name: "police".into(),
                agencies: vec![
                    agency("2.3", "COMMUNE_POLICE"),
                    agency("2.4", "POLICE_IDENTITY"),
                ],
                steps: BTreeMap::from([
                    step(
                        "register_residence",
                        false,
                        vec![give("residence_notice", "child", RESIDENCE_NOTICE)],
                    ),
                    step(
                        "issue_identity_card",
                        false,
                        vec![give("identity_card", "child", IDENTITY_CARD)],
                    ),
                ]),
            },
        ];
        Self {
            quiet: Vec::new(),
            procedures: vec![("birth.toml", procedure.join("\n"))],
            offices,
            filing: Filing {
                desk: DESK_AGENCY.into(),
                procedure: "birth".into(),
                optional_parts: vec!["identity_card".into()],
                territories: vec![territory],
                evidence: vec![
                    give("birth_notice", "child", BIRTH_NOTICE),
                    give("parents", "", PARENTS),
                    give(
                        "health_facility_choice",
                        "",
                        r#"{"code":"99-001","name":"Trạm Y tế xã Mẫu Một"}"#,
                    ),
                ],
                has_subject: true,
                last_steps: 3,
                data_bytes: 0,
            },
        }
    }

    /// The directory: each agency, and the system that acts for it at its address.
    pub(crate) fn directory(&self, addresses: &[String]) -> String {
        let valid = "valid_from = \"2020-01-01\"\n";
        let mut text = format!(
            "[[territory]]\ncode = \"{PROVINCE}\"\nname = \"Tỉnh đo tải\"\n\n[[agency]]\n\
             code = \"{DESK_AGENCY}\"\nname = \"Một cửa\"\nterritory = \"{PROVINCE}\"\n{valid}\n"
        );
        for territory in self.filing.territories.iter().chain(&self.quiet) {
            let _ = write!(
                text,
                "[[territory]]\ncode = \"{territory}\"\nname = \"Xã {territory}\"\nparent = \"{PROVINCE}\"\n\n"
            );
        }
        for Agency {
            code,
            roles,
            territory,
        } in self.offices.iter().flat_map(|office| &office.agencies)
        {
            let _ = write!(
                text,
                "[[agency]]\ncode = \"{code}\"\nname = \"Cơ quan {code}\"\nroles = {roles:?}\nterritory = \"{territory}\"\n{valid}\n"
            );
        }
        let _ = write!(
            text,
            "[[system]]\ncode = \"{DESK_SYSTEM}\"\nrole = \"desk\"\nagencies = [\"{DESK_AGENCY}\"]\n{valid}\n"
        );
        for (office, address) in self.offices.iter().zip(addresses) {
            let agencies: Vec<_> = office.agencies.iter().map(|agency| &agency.code).collect();
            let _ = write!(
                text,
                "[[system]]\ncode = \"{}\"\nrole = \"department\"\nagencies = {agencies:?}\naddress = \"{address}\"\n{valid}\n",
                office.name
            );
        }
        let _ = write!(
            text,
            "[[operator]]\ncode = \"operator\"\ngrants = [\"observe\", \"operate\", \"audit\"]\n{valid}\n"
        );
        text
    }
}

const BIRTH_NOTICE: &str = r#"{"number":"99999.GCS.00001.26","facility":"Bệnh viện Đa khoa Mẫu","issued_on":"2026-11-18","mother":{"name":"Trần Thị Thử","personal_id":"099{n}"},"child":{"name":"Nguyễn Bình Mẫu","sex":"MALE","born_on":"2026-11-18","weight_g":3200}}"#;
const PARENTS: &str = r#"{"mother":{"name":"Trần Thị Thử","personal_id":"099{n}","born_on":"1998-04-12"},"father":{"name":"Nguyễn Văn Mẫu","personal_id":"099000000001","born_on":"1995-09-30"}}"#;
const RESIDENCE_NOTICE: &str = r#"{"number":"{n}/TB-CAX","notified_on":"2026-11-19","name":"Nguyễn Bình Mẫu","personal_id":"099{n}","address":"Thôn 1, xã Mẫu Một, tỉnh Mẫu"}"#;
const IDENTITY_CARD: &str =
    r#"{"personal_id":"099{n}","name":"Nguyễn Bình Mẫu","issued_on":"2026-11-19"}"#;
