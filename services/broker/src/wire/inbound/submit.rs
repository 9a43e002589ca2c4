//! Submits: what a desk files, or files and receives in one call.

use super::{fields::Fields, item_digest};
use contract::v1;
use dossier::{
    directory::Directory,
    event::Channel,
    intake::{PARTIES_MAX, Submission},
    name::{Digest, DossierCode, PartId},
};
use node::fault::Fault;
use std::collections::BTreeSet;

/// A submit, parsed.
#[derive(Debug)]
pub struct Submit {
    /// The procedure wanted.
    pub procedure_code: String,
    /// The code that the desk already printed.
    pub code: Option<DossierCode>,
    /// What is submitted; what the vault has is the broker's to add.
    pub submission: Submission,
    /// SHA-256 of the request.
    pub digest: Digest,
    /// Whether it is received in the same call.
    pub receive: bool,
}

fn channel(channel: v1::Channel) -> Option<Channel> {
    match channel {
        v1::Channel::Counter => Some(Channel::Counter),
        v1::Channel::Online => Some(Channel::Online),
        v1::Channel::Post => Some(Channel::Post),
        v1::Channel::Unspecified => None,
    }
}

/// A submit, parsed. Where no territory is said, the case belongs where the desk is.
///
/// # Errors
/// Names every field that is malformed.
pub fn submit(request: &v1::SubmitRequest, directory: &Directory) -> Result<Submit, Fault> {
    let mut fields = Fields::new(directory);
    // A code that is given back with the same submit does not make it another submit.
    let digest = {
        let mut content = request.clone();
        content.dossier_code.clear();
        item_digest(&content)
    };
    let key = fields.name("submit_key", &request.submit_key);
    let desk = fields.agency("agency_code", &request.agency_code);
    let hand_out_desk = fields
        .optional_agency("hand_out_agency_code", &request.hand_out_agency_code)
        .or(desk.clone());
    let home = desk
        .as_ref()
        .and_then(|desk| directory.agency(desk.as_str()))
        .map(|desk| desk.territory.to_string())
        .unwrap_or_default();
    let territory = if request.territory_code.is_empty() {
        &home
    } else {
        &request.territory_code
    };
    let territory = fields.name("territory_code", territory);
    if request.procedure_code.is_empty() {
        fields.wrong("procedure_code", "a procedure of the broker");
    }
    // Parts and steps are named alike.
    let asked: BTreeSet<PartId> = fields.names("optional_parts", &request.optional_parts);
    let asked = asked.into_iter().map(String::from).collect();
    if request.parties.len() > PARTIES_MAX {
        fields.wrong("parties", format!("at most {PARTIES_MAX}"));
    }
    let parties = request
        .parties
        .iter()
        .take(PARTIES_MAX)
        .enumerate()
        .filter_map(|(n, party)| fields.party(&format!("parties[{n}]"), party))
        .collect();
    let evidence = fields.all_given("evidence", &request.evidence);
    let channel = fields.choice("channel", request.channel, channel);
    let arrived_at = fields.instant("arrived_at", request.arrived_at.as_ref());
    let filed_at = fields.instant("filed_at", request.filed_at.as_ref());
    let received_at = fields.instant("received_at", request.received_at.as_ref());
    let filed_by = fields.optional_name("filed_by_party_id", &request.filed_by_party_id);
    let code = fields.optional_name("dossier_code", &request.dossier_code);
    let officer = fields.officer(request.officer.as_ref());
    let parsed = (|| {
        Some(Submit {
            procedure_code: request.procedure_code.clone(),
            code,
            submission: Submission {
                key: key?,
                desk: desk?,
                hand_out_desk: hand_out_desk?,
                asked,
                territory: territory?,
                parties,
                evidence,
                channel: channel?,
                arrived_at,
                filed_at,
                received_at,
                filed_by,
                officer,
                vault: Vec::new(),
            },
            digest,
            receive: request.receive,
        })
    })();
    fields.done(parsed)
}
