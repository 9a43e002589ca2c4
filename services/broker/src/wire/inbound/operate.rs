//! What operators look for.

use super::fields::{Fields, NAME_BYTES_MAX};
use crate::store::Search;
use contract::v1;
use dossier::{directory::Directory, name::DossierCode, party::Identifier};
use node::fault::Fault;

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchItem {
    /// One dossier, by its code.
    Code(DossierCode),
    /// All that are wanted.
    All(Search),
}

/// Whom to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonItem {
    /// By name, or by number.
    pub by: PersonBy,
    /// Why.
    pub reason: String,
}

/// By what a person is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonBy {
    /// The whole name.
    Name(String),
    /// A number.
    Number(Identifier),
}

/// Reads a search. A code goes before all else.
///
/// # Errors
/// Every field that is wrong.
pub fn search(
    request: &v1::SearchDossiersRequest,
    directory: &Directory,
) -> Result<SearchItem, Fault> {
    let mut fields = Fields::new(directory);
    if !request.dossier_code.is_empty() {
        let code = fields.name("dossier_code", request.dossier_code.trim());
        return fields.done(code.map(SearchItem::Code));
    }
    let state = match request.state {
        0 => None,
        state => fields.choice("state", state, |known: v1::DossierState| {
            Some(i32::from(known))
        }),
    };
    let search = Search {
        agency: fields.optional_agency("agency_code", &request.agency_code),
        step: fields.optional_name("step_id", &request.step_id),
        state,
        procedure: fields.optional_name("procedure_code", &request.procedure_code),
        desk: fields.optional_agency("desk_agency_code", &request.desk_agency_code),
        territory: fields.optional_name("territory_code", &request.territory_code),
        received_from: fields.instant("received_from", request.received_from.as_ref()),
        received_until: fields.instant("received_until", request.received_until.as_ref()),
        open: request.open,
        overdue: request.overdue,
        stuck: request.stuck,
    };
    fields.done(Some(SearchItem::All(search)))
}

/// Reads whom to look for.
///
/// # Errors
/// Every field that is wrong.
pub fn find_person(
    request: &v1::FindPersonRequest,
    directory: &Directory,
) -> Result<PersonItem, Fault> {
    let mut fields = Fields::new(directory);
    let reason = fields.reason(&request.reason);
    let name = fields.text("name", &request.name, NAME_BYTES_MAX);
    let by = match (&request.identifier, name.trim().is_empty()) {
        (Some(_), false) => {
            fields.wrong("identifier", "left out where a name is given");
            None
        }
        (None, true) => {
            fields.wrong("name", "the whole name, or an identifier");
            None
        }
        (None, false) => Some(PersonBy::Name(name)),
        (Some(number), true) => fields
            .identifier("identifier", number)
            .map(PersonBy::Number),
    };
    fields.done(by.map(|by| PersonItem { by, reason }))
}
