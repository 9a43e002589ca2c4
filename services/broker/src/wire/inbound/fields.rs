//! Fields: each parsed once by its rule, everything wrong named at once.

use contract::v1;
use dossier::{
    Refusal,
    directory::Directory,
    evidence::{Document, Given},
    intake::EVIDENCE_DOCUMENTS_MAX,
    limit::{Limit, Unit},
    name::{AgencyCode, BadName, Digest},
    party::{CivilDate, Identifier, Officer, Party, PartyKind, PartyRole, Scheme},
    refusal::FieldFault,
    request::SUPPLEMENT_ITEMS_MAX,
    supplement::{Approval, Item},
};
use jiff::Timestamp;
use node::fault::Fault;
use std::{collections::BTreeSet, str::FromStr};
use unicode_normalization::{UnicodeNormalization, is_nfc};

pub(super) const NAME_BYTES_MAX: usize = 200;
pub(super) const REASON_BYTES_MAX: usize = 2_000;
pub(super) const LEGAL_BASIS_BYTES_MAX: usize = 500;
pub(super) const OPINION_BYTES_MAX: usize = 10_000;
pub(super) const PURPOSE_BYTES_MAX: usize = 500;
pub(super) const REFERENCE_BYTES_MAX: usize = 200;
pub(super) const VERSIONS_MAX: usize = 100;
const ADDRESS_BYTES_MAX: usize = 500;
const PHONE_BYTES_MAX: usize = 32;
const EMAIL_BYTES_MAX: usize = 254;
const MEDIA_TYPE_BYTES_MAX: usize = 100;
const FILE_NAME_BYTES_MAX: usize = 255;
const SCHEMA_ID_BYTES_MAX: usize = 200;
/// As in procedures.
const LIMIT_AMOUNT_MAX: u32 = 100_000;

/// The fields of one message, and everything that is wrong with them.
pub(super) struct Fields<'d> {
    directory: &'d Directory,
    faults: Vec<FieldFault>,
}

impl<'d> Fields<'d> {
    /// Of one message. Agencies are known by this directory.
    pub(super) fn new(directory: &'d Directory) -> Self {
        Self {
            directory,
            faults: Vec::new(),
        }
    }

    pub(super) fn wrong(&mut self, field: impl Into<String>, rule: impl Into<String>) {
        self.faults.push(FieldFault {
            field: field.into(),
            rule: rule.into(),
        });
    }

    pub(super) fn name<T: FromStr<Err = BadName>>(&mut self, field: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(bad) => {
                self.wrong(field, bad.rule);
                None
            }
        }
    }

    pub(super) fn optional_name<T: FromStr<Err = BadName>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        if text.is_empty() {
            None
        } else {
            self.name(field, text)
        }
    }

    /// Text in Unicode NFC, without control characters, within its limit.
    pub(super) fn text(&mut self, field: &str, text: &str, bytes_max: usize) -> String {
        let text: String = if is_nfc(text) {
            text.to_owned()
        } else {
            text.nfc().collect()
        };
        if text.len() > bytes_max {
            self.wrong(field, format!("at most {bytes_max} bytes"));
        } else if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
        {
            self.wrong(field, "text without control characters");
        }
        text
    }

    pub(super) fn required_text(&mut self, field: &str, text: &str, bytes_max: usize) -> String {
        if text.trim().is_empty() {
            self.wrong(field, format!("1 to {bytes_max} bytes of text"));
        }
        self.text(field, text, bytes_max)
    }

    /// Why an operator does something: whoever reads the audit log later learns it from this alone.
    pub(super) fn reason(&mut self, text: &str) -> String {
        let reason = self.required_text("reason", text, REASON_BYTES_MAX);
        reason.trim().to_owned()
    }

    pub(super) fn instant(
        &mut self,
        field: &str,
        at: Option<&prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let at = at?;
        match Timestamp::new(at.seconds, at.nanos) {
            Ok(at) => Some(at),
            Err(_) => {
                self.wrong(field, "an instant between years 1 and 9999");
                None
            }
        }
    }

    pub(super) fn choice<W, D>(
        &mut self,
        field: &str,
        number: i32,
        known: impl Fn(W) -> Option<D>,
    ) -> Option<D>
    where
        W: TryFrom<i32>,
    {
        let found = W::try_from(number).ok().and_then(known);
        if found.is_none() {
            self.wrong(field, "a value that the contract names (UNKNOWN_KIND)");
        }
        found
    }

    pub(super) fn officer(&mut self, officer: Option<&v1::Officer>) -> Officer {
        self.officer_at("officer", officer)
    }

    fn officer_at(&mut self, place: &str, officer: Option<&v1::Officer>) -> Officer {
        officer.map_or_else(Officer::default, |officer| Officer {
            name: self.text(&format!("{place}.name"), &officer.name, NAME_BYTES_MAX),
            title: self.text(&format!("{place}.title"), &officer.title, NAME_BYTES_MAX),
            office: self.text(&format!("{place}.office"), &officer.office, NAME_BYTES_MAX),
        })
    }

    /// A number that its register may have given.
    pub(super) fn identifier(&mut self, place: &str, one: &v1::Identifier) -> Option<Identifier> {
        let scheme = self.choice(&format!("{place}.scheme"), one.scheme, identifier_scheme)?;
        let number = Identifier::new(scheme, one.value.trim());
        if number.is_err() {
            self.wrong(format!("{place}.value"), scheme.rule());
        }
        number.ok()
    }

    pub(super) fn party(&mut self, place: &str, party: &v1::Party) -> Option<Party> {
        let id = self.name(&format!("{place}.party_id"), &party.party_id);
        let mut roles = BTreeSet::new();
        for (n, role) in party.roles.iter().enumerate() {
            roles.extend(self.choice(&format!("{place}.roles[{n}]"), *role, party_role));
        }
        let kind = self.choice(&format!("{place}.kind"), party.kind, party_kind);
        let mut identifiers = Vec::new();
        if party.identifiers.len() > Scheme::ALL.len() {
            self.wrong(format!("{place}.identifiers"), "at most one of each scheme");
        }
        for (n, one) in party.identifiers.iter().take(Scheme::ALL.len()).enumerate() {
            let scheme = self.choice(
                &format!("{place}.identifiers[{n}].scheme"),
                one.scheme,
                identifier_scheme,
            );
            if let Some(scheme) = scheme {
                // What no register can have given is named by intake, with all else that is wrong.
                let raw = Identifier {
                    scheme,
                    value: one.value.clone(),
                };
                identifiers.push(Identifier::new(scheme, &one.value).unwrap_or(raw));
            }
        }
        let born_on = party.born_on.as_ref().and_then(|date| {
            let parts = (
                date.year.try_into(),
                date.month.try_into(),
                date.day.try_into(),
            );
            let (Ok(year), Ok(month), Ok(day)) = parts else {
                self.wrong(
                    format!("{place}.born_on"),
                    "a date, with 0 for what is not known",
                );
                return None;
            };
            Some(CivilDate { year, month, day })
        });
        Some(Party {
            name: self.text(&format!("{place}.name"), &party.name, NAME_BYTES_MAX),
            address: self.text(
                &format!("{place}.address"),
                &party.address,
                ADDRESS_BYTES_MAX,
            ),
            phone: self.text(&format!("{place}.phone"), &party.phone, PHONE_BYTES_MAX),
            email: self.text(&format!("{place}.email"), &party.email, EMAIL_BYTES_MAX),
            represents: self.optional_name(
                &format!("{place}.represents_party_id"),
                &party.represents_party_id,
            ),
            id: id?,
            roles,
            kind: kind?,
            identifiers,
            born_on,
        })
    }

    pub(super) fn document(&mut self, place: &str, document: &v1::Document) -> Option<Document> {
        let digest = Digest::from_slice(&document.digest);
        if digest.is_none() {
            self.wrong(format!("{place}.digest"), "the 32 bytes of a SHA-256");
        }
        if document.size_bytes == 0 {
            self.wrong(
                format!("{place}.size_bytes"),
                "at least 1: an empty file is no document",
            );
        }
        let is_media_type = document.media_type.len() <= MEDIA_TYPE_BYTES_MAX
            && document
                .media_type
                .split_once('/')
                .is_some_and(|(head, tail)| {
                    !head.is_empty()
                        && !tail.is_empty()
                        && document.media_type.bytes().all(|b| b.is_ascii_graphic())
                });
        if !is_media_type {
            self.wrong(
                format!("{place}.media_type"),
                "an IANA media type, such as application/pdf",
            );
        }
        let field = format!("{place}.file_name");
        let file_name = self.required_text(&field, &document.file_name, FILE_NAME_BYTES_MAX);
        if file_name.contains(['/', '\\', '\n', '\t']) || file_name == "." || file_name == ".." {
            self.wrong(field, "a name without path separators");
        }
        Some(Document {
            digest: digest?,
            size_bytes: document.size_bytes,
            media_type: document.media_type.clone(),
            file_name,
        })
    }

    pub(super) fn given(&mut self, place: &str, input: &v1::EvidenceInput) -> Option<Given> {
        let name = self.name(&format!("{place}.name"), &input.name);
        if input.schema_id.len() > SCHEMA_ID_BYTES_MAX {
            self.wrong(
                format!("{place}.schema_id"),
                format!("at most {SCHEMA_ID_BYTES_MAX} bytes"),
            );
        }
        if input.documents.len() > EVIDENCE_DOCUMENTS_MAX {
            self.wrong(
                format!("{place}.documents"),
                format!("at most {EVIDENCE_DOCUMENTS_MAX}"),
            );
        }
        let documents = input
            .documents
            .iter()
            .take(EVIDENCE_DOCUMENTS_MAX)
            .enumerate()
            .filter_map(|(n, document)| self.document(&format!("{place}.documents[{n}]"), document))
            .collect();
        let subject = self.optional_name(
            &format!("{place}.subject_party_id"),
            &input.subject_party_id,
        );
        Some(Given {
            name: name?,
            schema_id: input.schema_id.clone(),
            data: input.data.as_ref().into(),
            documents,
            subject,
        })
    }

    pub(super) fn all_given(&mut self, place: &str, inputs: &[v1::EvidenceInput]) -> Vec<Given> {
        let taken: Vec<_> = inputs.iter().take(VERSIONS_MAX).collect();
        if inputs.len() > VERSIONS_MAX {
            self.wrong(place, format!("at most {VERSIONS_MAX}"));
        }
        taken
            .into_iter()
            .enumerate()
            .filter_map(|(n, input)| self.given(&format!("{place}[{n}]"), input))
            .collect()
    }

    /// An agency by any code that the directory knows of it; within the broker it has its own only.
    /// One that is not known stays as it is written: who judges it says so.
    pub(super) fn agency(&mut self, field: &str, text: &str) -> Option<AgencyCode> {
        let named: AgencyCode = self.name(field, text)?;
        let known = self.directory.agency_by_any_code(text);
        Some(known.map_or(named, |agency| agency.code.clone()))
    }

    pub(super) fn optional_agency(&mut self, field: &str, text: &str) -> Option<AgencyCode> {
        if text.is_empty() {
            None
        } else {
            self.agency(field, text)
        }
    }

    /// An amount and a unit.
    pub(super) fn limit(&mut self, field: &str, limit: Option<&v1::Limit>) -> Option<Limit> {
        let Some(limit) = limit else {
            self.wrong(field, "an amount and a unit");
            return None;
        };
        let unit = self.choice(&format!("{field}.unit"), limit.unit, limit_unit);
        if !(1..=LIMIT_AMOUNT_MAX).contains(&limit.amount) {
            self.wrong(
                format!("{field}.amount"),
                format!("1 to {LIMIT_AMOUNT_MAX}"),
            );
        }
        Some(Limit {
            amount: limit.amount,
            unit: unit?,
        })
    }

    /// Whole đồng, more than 0.
    pub(super) fn amount(&mut self, field: &str, amount_vnd: i64) -> i64 {
        if amount_vnd <= 0 {
            self.wrong(field, "whole đồng, more than 0");
        }
        amount_vnd
    }

    /// A version of evidence; from 1.
    pub(super) fn version(&mut self, field: &str, version: u32) -> u32 {
        if version == 0 {
            self.wrong(field, "at least 1");
        }
        version
    }

    /// What the citizen is to be asked for.
    pub(super) fn items(&mut self, place: &str, items: &[v1::SupplementItem]) -> Vec<Item> {
        if items.is_empty() || items.len() > SUPPLEMENT_ITEMS_MAX {
            self.wrong(place, format!("1 to {SUPPLEMENT_ITEMS_MAX} items"));
        }
        items
            .iter()
            .take(SUPPLEMENT_ITEMS_MAX)
            .enumerate()
            .filter_map(|(n, item)| self.item(&format!("{place}[{n}]"), item))
            .collect()
    }

    fn item(&mut self, place: &str, item: &v1::SupplementItem) -> Option<Item> {
        let evidence = self.name(&format!("{place}.evidence"), &item.evidence);
        let reason = self.required_text(&format!("{place}.reason"), &item.reason, REASON_BYTES_MAX);
        let legal_basis = self.required_text(
            &format!("{place}.legal_basis"),
            &item.legal_basis,
            LEGAL_BASIS_BYTES_MAX,
        );
        let approval = item.approval.as_ref().map(|approval| {
            let place = format!("{place}.approval");
            let approver =
                self.officer_at(&format!("{place}.approver"), approval.approver.as_ref());
            if approver.name.trim().is_empty() {
                self.wrong(
                    format!("{place}.approver.name"),
                    format!("1 to {NAME_BYTES_MAX} bytes of text"),
                );
            }
            Approval {
                approver,
                legal_basis: self.required_text(
                    &format!("{place}.legal_basis"),
                    &approval.legal_basis,
                    LEGAL_BASIS_BYTES_MAX,
                ),
            }
        });
        Some(Item {
            evidence: evidence?,
            reason,
            legal_basis,
            approval,
        })
    }

    /// Names, each once.
    pub(super) fn names<T: FromStr<Err = BadName> + Ord>(
        &mut self,
        place: &str,
        texts: &[String],
    ) -> BTreeSet<T> {
        if texts.len() > VERSIONS_MAX {
            self.wrong(place, format!("at most {VERSIONS_MAX}"));
        }
        texts
            .iter()
            .take(VERSIONS_MAX)
            .enumerate()
            .filter_map(|(n, text)| self.name(&format!("{place}[{n}]"), text))
            .collect()
    }

    pub(super) fn done<T>(self, value: Option<T>) -> Result<T, Fault> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(crate::wire::fault(&Refusal::Fields(self.faults))),
        }
    }
}

fn party_role(role: v1::PartyRole) -> Option<PartyRole> {
    match role {
        v1::PartyRole::Owner => Some(PartyRole::Owner),
        v1::PartyRole::Submitter => Some(PartyRole::Submitter),
        v1::PartyRole::Representative => Some(PartyRole::Representative),
        v1::PartyRole::Subject => Some(PartyRole::Subject),
        v1::PartyRole::Unspecified => None,
    }
}

fn party_kind(kind: v1::PartyKind) -> Option<PartyKind> {
    match kind {
        v1::PartyKind::Citizen => Some(PartyKind::Citizen),
        v1::PartyKind::Enterprise => Some(PartyKind::Enterprise),
        v1::PartyKind::HouseholdBusiness => Some(PartyKind::HouseholdBusiness),
        v1::PartyKind::Organisation => Some(PartyKind::Organisation),
        v1::PartyKind::Unspecified => None,
    }
}

fn identifier_scheme(scheme: v1::IdentifierScheme) -> Option<Scheme> {
    match scheme {
        v1::IdentifierScheme::PersonalId => Some(Scheme::PersonalId),
        v1::IdentifierScheme::EnterpriseCode => Some(Scheme::EnterpriseCode),
        v1::IdentifierScheme::Passport => Some(Scheme::Passport),
        v1::IdentifierScheme::SocialInsurance => Some(Scheme::SocialInsurance),
        v1::IdentifierScheme::OrganisationCode => Some(Scheme::OrganisationCode),
        v1::IdentifierScheme::Unspecified => None,
    }
}

fn limit_unit(unit: v1::LimitUnit) -> Option<Unit> {
    match unit {
        v1::LimitUnit::WorkingDay => Some(Unit::WorkingDay),
        v1::LimitUnit::WorkingHour => Some(Unit::WorkingHour),
        v1::LimitUnit::CalendarDay => Some(Unit::CalendarDay),
        v1::LimitUnit::ElapsedHour => Some(Unit::ElapsedHour),
        v1::LimitUnit::Unspecified => None,
    }
}
