//! Finds the dossiers of a person, with a reason that is recorded.

use super::{Ending, cells, line::OperatorArgs, reason::ReasonArgs, words};
use crate::screen::{self, json, table::Table, tell};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use contract::v1::{
    FindPersonRequest, FindPersonResponse, Identifier, IdentifierScheme, PersonFound,
};
use serde_json::json;

/// Find the dossiers of a person by the whole name or by a number. It is recorded who looked, and why.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops person --number 099000000002 --reason called")]
pub(crate) struct PersonCommand {
    /// The whole name, with or without its marks.
    #[arg(conflicts_with = "number", required_unless_present = "number")]
    name: Option<String>,
    /// A number by which a register knows the person.
    #[arg(long)]
    number: Option<String>,
    /// Whose number it is.
    #[arg(long, value_enum, default_value_t = Register::PersonalId)]
    register: Register,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Register {
    PersonalId,
    EnterpriseCode,
    Passport,
    SocialInsurance,
    OrganisationCode,
}

impl From<Register> for IdentifierScheme {
    fn from(register: Register) -> Self {
        match register {
            Register::PersonalId => Self::PersonalId,
            Register::EnterpriseCode => Self::EnterpriseCode,
            Register::Passport => Self::Passport,
            Register::SocialInsurance => Self::SocialInsurance,
            Register::OrganisationCode => Self::OrganisationCode,
        }
    }
}

impl PersonCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let mut line = self.operator.connect()?;
        let scheme = IdentifierScheme::from(self.register).into();
        let request = FindPersonRequest {
            name: self.name.unwrap_or_default(),
            identifier: self.number.map(|value| Identifier { scheme, value }),
            reason: self.reason.take()?,
            page_size: self.limit,
            page_token: String::new(),
        };
        let found = line.find_person(request).await;
        let FindPersonResponse {
            found,
            next_page_token,
        } = found.context("the person was not looked for")?.into_inner();
        if json {
            json::print(&json!({
                "found": found.iter().map(as_json).collect::<Vec<_>>(),
                "more": !next_page_token.is_empty(),
            }))?;
        } else if found.is_empty() {
            tell!("Nobody of this name or number.");
        } else {
            tell!("{}", table(&found).render(screen::columns(), 0).trim_end());
            if !next_page_token.is_empty() {
                tell!("There are more; --limit shows them.");
            }
        }
        Ok(Ending::found(!found.is_empty()))
    }
}

fn roles(found: &PersonFound) -> Vec<&'static str> {
    found.roles().map(words::role).collect()
}

fn as_json(found: &PersonFound) -> serde_json::Value {
    json!({
        "dossier": found.dossier.as_ref().map(cells::row),
        "name_masked": found.name_masked,
        "identifier_masked": found.identifier_masked,
        "roles": roles(found),
    })
}

fn table(found: &[PersonFound]) -> Table {
    let mut table = Table::new([
        "Dossier",
        "Procedure",
        "State",
        "Received",
        "Name",
        "Number",
        "As",
    ]);
    for one in found {
        let row = one.dossier.clone().unwrap_or_default();
        table.row([
            row.dossier_code.clone(),
            row.procedure_code.clone(),
            screen::words::dossier(row.state()).into(),
            cells::at(&row.received_at),
            one.name_masked.clone(),
            one.identifier_masked.clone(),
            roles(one).join(", "),
        ]);
    }
    table
}
