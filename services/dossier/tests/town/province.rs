//! The province: seven communes, 34 departments, the four procedures that are shipped, and the example
//! papers. What `deploy/` has of it is used as it is.

use dossier::{
    Procedure, Rules,
    calendar::{Calendar, Calendars},
    directory::Directory,
    evidence::{Document, Given},
    name::{AgencyCode, Digest, EvidenceName, StepId},
    party::{Identifier, Officer, Party, PartyKind, PartyRole, Scheme},
    schema::Schemas,
};
use jiff::{Timestamp, civil::DateTime, tz::offset};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

const COMMUNES: u32 = 7;
const SHIPPED: [&str; 4] = ["birth", "death", "business", "land_transfer"];

/// Everything that dossiers are judged by, and who is there.
pub struct Province {
    procedures: BTreeMap<&'static str, Procedure>,
    pub calendar: Arc<Calendar>,
    pub directory: Directory,
    schemas: Schemas,
    papers: BTreeMap<EvidenceName, serde_json::Value>,
    pub desks: Vec<AgencyCode>,
    pub departments: Vec<AgencyCode>,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn folder(path: &str, end: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(root().join(path))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == end))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The directory that is shipped, with five communes more, a second branch of the land registry and a
/// second hospital.
fn directory() -> Directory {
    let mut text = fs::read_to_string(root().join("deploy/directory.toml")).unwrap();
    let mut agency = |code: &str, territory: &str, rest: &str| {
        writeln!(
            text,
            "[[agency]]\ncode = \"{code}\"\nname = \"Mẫu\"\nterritory = \"{territory}\"\nvalid_from = \"2025-07-01\"\n{rest}"
        )
        .unwrap();
    };
    agency(
        "H99.12.01.02",
        "H99",
        "roles = [\"LAND_REGISTRY_BRANCH\"]\nrank = 2",
    );
    agency("H99.13.02", "H99", "roles = [\"HOSPITAL\"]\nrank = 2");
    for n in 3..=COMMUNES {
        let here = format!("H99_0{n}");
        agency(&format!("H99.0{n}.01"), &here, "");
        agency(
            &format!("H99.0{n}.02"),
            &here,
            "roles = [\"COMMUNE_CIVIL_STATUS\"]",
        );
        agency(
            &format!("H99.0{n}.03"),
            &here,
            "roles = [\"COMMUNE_WELFARE\"]",
        );
        agency(
            &format!("G01.99.0{n}"),
            &here,
            "roles = [\"COMMUNE_POLICE\"]",
        );
    }
    for n in 3..=COMMUNES {
        writeln!(
            text,
            "[[territory]]\ncode = \"H99_0{n}\"\nname = \"Xã\"\nparent = \"H99\""
        )
        .unwrap();
    }
    text += "[[delegation]]\nagency = \"H99.12.01.02\"\nposition = \"DIRECTOR\"\ntitle = \"Giám đốc\"\nvalid_from = \"2025-07-01\"\nbasis = \"b\"\n";
    Directory::parse("directory.toml", &text).unwrap()
}

impl Province {
    /// The one that every seed plays in.
    pub fn here() -> &'static Self {
        static HERE: LazyLock<Province> = LazyLock::new(Province::read);
        &HERE
    }

    fn read() -> Self {
        let directory = directory();
        let calendars = Calendars::new(folder("deploy/calendars", "toml")).unwrap();
        let calendar = calendars.of(directory.territories(&"H99".parse().unwrap()));
        let procedures = SHIPPED.map(|name| {
            let file = format!("deploy/procedures/{name}.toml");
            let text = fs::read_to_string(root().join(&file)).unwrap();
            (name, Procedure::parse(&file, &text).unwrap())
        });
        let papers = folder("services/dossier/tests/core/schemas", "json")
            .into_iter()
            .filter(|(file, _)| file != "common-1.json")
            .map(|(file, text)| {
                let name = file.trim_end_matches("-1.json").parse().unwrap();
                (name, serde_json::from_str(&text).unwrap())
            })
            .collect();
        let (desks, departments) = directory
            .agencies()
            .map(|agency| (agency.code.clone(), agency.roles.is_empty()))
            .partition::<Vec<_>, _>(|(_, is_desk)| *is_desk);
        let codes =
            |list: Vec<(AgencyCode, bool)>| list.into_iter().map(|(code, _)| code).collect();
        Self {
            procedures: procedures.into(),
            calendar: Arc::clone(calendar),
            directory,
            schemas: Schemas::new(folder("deploy/schemas", "json")).unwrap(),
            papers,
            desks: codes(desks),
            departments: codes(departments),
        }
    }

    pub fn procedure(&self, name: &str) -> &Procedure {
        &self.procedures[name]
    }

    pub fn rules(&self, procedure: &str) -> Rules<'_> {
        Rules {
            procedure: self.procedure(procedure),
            calendar: &self.calendar,
            directory: &self.directory,
            schemas: &self.schemas,
        }
    }

    /// The example of this evidence with another member said, and a scan that no other has.
    pub fn paper(
        &self,
        procedure: &str,
        name: &EvidenceName,
        said: &[(&str, &str)],
        words: &str,
    ) -> Given {
        let kind = &self.procedure(procedure).text.evidence[name];
        let mut data = self.papers[name].clone();
        for (member, value) in said {
            data[*member] = (*value).into();
        }
        let digest = Digest::of(format!("{name} {words}").as_bytes());
        Given {
            name: name.clone(),
            schema_id: kind.schema.clone(),
            data: data.to_string().into_bytes().into(),
            documents: vec![Document {
                digest,
                size_bytes: 1_000,
                media_type: "application/pdf".into(),
                file_name: format!("{name}.pdf"),
            }],
            subject: kind.consent.then(|| "owner".parse().unwrap()),
        }
    }

    /// An officer of this agency who may sign this step.
    pub fn officer(&self, procedure: &str, agency: &AgencyCode, step: &StepId) -> Officer {
        let plan = self.procedure(procedure).step(step);
        let title = plan
            .and_then(|plan| plan.signed_by.first())
            .and_then(|position| {
                self.directory
                    .delegations_of(agency)
                    .find(|one| one.position.as_str() == position.as_str())
                    .map(|one| one.title.clone())
            });
        Officer {
            name: "Cán bộ Mẫu".into(),
            title: title.unwrap_or_else(|| "Công chức".into()),
            ..Officer::default()
        }
    }

    /// Other departments of the province.
    pub fn others(&self, than: &AgencyCode) -> Vec<AgencyCode> {
        let others = self.departments.iter().filter(|code| *code != than);
        others.cloned().collect()
    }
}

pub fn parties() -> Vec<Party> {
    let party = |id: &str, roles: &[PartyRole], name: &str, number: &str| Party {
        id: id.parse().unwrap(),
        roles: roles.iter().copied().collect(),
        kind: PartyKind::Citizen,
        name: name.into(),
        identifiers: match number {
            "" => vec![],
            number => vec![Identifier::new(Scheme::PersonalId, number).unwrap()],
        },
        born_on: None,
        address: "Thôn 1".into(),
        phone: "0900000000".into(),
        email: "mau@mau.example".into(),
        represents: None,
    };
    vec![
        party(
            "owner",
            &[PartyRole::Owner, PartyRole::Submitter],
            "Nguyễn Văn Mẫu",
            "099000000001",
        ),
        party("subject", &[PartyRole::Subject], "Nguyễn Thị Mẫu", ""),
    ]
}

/// An instant by the clock on the wall in Viet Nam.
pub fn at(wall: &str) -> Timestamp {
    let wall: DateTime = wall.parse().unwrap();
    offset(7).to_timestamp(wall).unwrap()
}
