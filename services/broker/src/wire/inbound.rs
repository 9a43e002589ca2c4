//! Wire becomes domain: every field parsed once, everything wrong named at once.

use super::unknown_kind;
use contract::v1;
use dossier::{
    Refusal,
    decide::{Report, Statement},
    event::Channel,
    evidence::{Document, Given},
    intake::{EVIDENCE_DOCUMENTS_MAX, PARTIES_MAX, Submission},
    name::{AgencyCode, BadName, Digest, DossierCode, DossierId, Key},
    party::{CivilDate, Identifier, Officer, Party, PartyKind, PartyRole, Scheme},
    refusal::FieldFault,
};
use jiff::Timestamp;
use node::fault::Fault;
use prost::Message;
use std::{collections::BTreeMap, str::FromStr};
use unicode_normalization::{UnicodeNormalization, is_nfc};

const NAME_BYTES_MAX: usize = 200;
const REASON_BYTES_MAX: usize = 2_000;
const LEGAL_BASIS_BYTES_MAX: usize = 500;
const ADDRESS_BYTES_MAX: usize = 500;
const PHONE_BYTES_MAX: usize = 32;
const EMAIL_BYTES_MAX: usize = 254;
const MEDIA_TYPE_BYTES_MAX: usize = 100;
const FILE_NAME_BYTES_MAX: usize = 255;
const SCHEMA_ID_BYTES_MAX: usize = 200;
const VERSIONS_MAX: usize = 100;

/// A submit, parsed.
#[derive(Debug)]
pub struct Submit {
    /// The procedure wanted.
    pub procedure_code: String,
    /// The code that the desk already printed.
    pub code: Option<DossierCode>,
    /// What is submitted.
    pub submission: Submission,
    /// SHA-256 of the request.
    pub digest: Digest,
    /// Whether it is received in the same call.
    pub receive: bool,
}

/// A report, parsed.
#[derive(Debug)]
pub struct ReportItem {
    /// The sender's id of the item.
    pub item_id: Key,
    /// SHA-256 of the item.
    pub digest: Digest,
    /// The dossier.
    pub dossier_id: DossierId,
    /// When it happened, as the department says.
    pub claimed_at: Option<Timestamp>,
    /// What is said.
    pub report: Report,
}

/// The digest by which a repetition is recognised: of the message as this release encodes it.
pub fn item_digest(message: &impl Message) -> Digest {
    Digest::of(&message.encode_to_vec())
}

struct Fields(Vec<FieldFault>);

impl Fields {
    fn wrong(&mut self, field: impl Into<String>, rule: impl Into<String>) {
        self.0.push(FieldFault {
            field: field.into(),
            rule: rule.into(),
        });
    }

    fn name<T: FromStr<Err = BadName>>(&mut self, field: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(bad) => {
                self.wrong(field, bad.rule);
                None
            }
        }
    }

    fn optional_name<T: FromStr<Err = BadName>>(&mut self, field: &str, text: &str) -> Option<T> {
        if text.is_empty() {
            None
        } else {
            self.name(field, text)
        }
    }

    /// Text in Unicode NFC, without control characters, within its limit.
    fn text(&mut self, field: &str, text: &str, bytes_max: usize) -> String {
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

    fn required_text(&mut self, field: &str, text: &str, bytes_max: usize) -> String {
        if text.trim().is_empty() {
            self.wrong(field, format!("1 to {bytes_max} bytes of text"));
        }
        self.text(field, text, bytes_max)
    }

    fn instant(&mut self, field: &str, at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
        let at = at?;
        match Timestamp::new(at.seconds, at.nanos) {
            Ok(at) => Some(at),
            Err(_) => {
                self.wrong(field, "an instant between years 1 and 9999");
                None
            }
        }
    }

    fn choice<W, D>(
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

    fn officer(&mut self, officer: Option<&v1::Officer>) -> Officer {
        officer.map_or_else(Officer::default, |officer| Officer {
            name: self.text("officer.name", &officer.name, NAME_BYTES_MAX),
            title: self.text("officer.title", &officer.title, NAME_BYTES_MAX),
            office: self.text("officer.office", &officer.office, NAME_BYTES_MAX),
        })
    }

    fn party(&mut self, place: &str, party: &v1::Party) -> Option<Party> {
        let id = self.name(&format!("{place}.party_id"), &party.party_id);
        let mut roles = std::collections::BTreeSet::new();
        for (n, role) in party.roles.iter().enumerate() {
            roles.extend(self.choice(&format!("{place}.roles[{n}]"), *role, party_role));
        }
        let kind = self.choice(&format!("{place}.kind"), party.kind, party_kind);
        let mut identifiers = Vec::new();
        for (n, one) in party.identifiers.iter().enumerate() {
            let scheme = self.choice(
                &format!("{place}.identifiers[{n}].scheme"),
                one.scheme,
                identifier_scheme,
            );
            if let Some(scheme) = scheme {
                identifiers.push(Identifier {
                    scheme,
                    value: one.value.clone(),
                });
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

    fn document(&mut self, place: &str, document: &v1::Document) -> Option<Document> {
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

    fn given(&mut self, place: &str, input: &v1::EvidenceInput) -> Option<Given> {
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

    fn all_given(&mut self, place: &str, inputs: &[v1::EvidenceInput]) -> Vec<Given> {
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

    fn done<T>(self, value: Option<T>) -> Result<T, Fault> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(super::fault(&Refusal::Fields(self.0))),
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

fn channel(channel: v1::Channel) -> Option<Channel> {
    match channel {
        v1::Channel::Counter => Some(Channel::Counter),
        v1::Channel::Online => Some(Channel::Online),
        v1::Channel::Post => Some(Channel::Post),
        v1::Channel::Unspecified => None,
    }
}

/// A submit, parsed. `desk_territory` is where the desk is: the default.
///
/// # Errors
/// Names every field that is malformed.
pub fn submit(request: &v1::SubmitRequest, desk_territory: &str) -> Result<Submit, Fault> {
    let mut fields = Fields(Vec::new());
    // A code that is given back with the same submit does not make it another submit.
    let digest = {
        let mut content = request.clone();
        content.dossier_code.clear();
        item_digest(&content)
    };
    let key = fields.name("submit_key", &request.submit_key);
    let desk = fields.name::<AgencyCode>("agency_code", &request.agency_code);
    let hand_out_desk = fields
        .optional_name("hand_out_agency_code", &request.hand_out_agency_code)
        .or(desk.clone());
    let territory = if request.territory_code.is_empty() {
        desk_territory
    } else {
        &request.territory_code
    };
    let territory = fields.name("territory_code", territory);
    if request.procedure_code.is_empty() {
        fields.wrong("procedure_code", "a procedure of the broker");
    }
    let mut optional_parts = std::collections::BTreeSet::new();
    for (n, part) in request.optional_parts.iter().take(VERSIONS_MAX).enumerate() {
        optional_parts.extend(fields.name(&format!("optional_parts[{n}]"), part));
    }
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
    let filed_at = fields.instant("filed_at", request.filed_at.as_ref());
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
                optional_parts,
                territory: territory?,
                parties,
                evidence,
                channel: channel?,
                filed_at,
                filed_by,
                officer,
            },
            digest,
            receive: request.receive,
        })
    })();
    fields.done(parsed)
}

/// A report, parsed.
///
/// # Errors
/// `UNKNOWN_KIND`, or every field that is malformed.
pub fn report(item: &v1::Item) -> Result<ReportItem, Fault> {
    let report = match &item.kind {
        Some(v1::item::Kind::Report(report)) => report,
        Some(v1::item::Kind::LookUpAnswer(_)) => {
            return Err(unknown_kind(
                "item.kind (look_up_answer: this release asks no look-ups)",
            ));
        }
        _ => return Err(unknown_kind("item.kind")),
    };
    let Some(kind) = &report.kind else {
        return Err(unknown_kind("report.kind"));
    };
    let mut fields = Fields(Vec::new());
    let item_id = fields.name::<Key>("item_id", &item.item_id);
    let dossier_id = fields.name::<DossierId>("report.dossier_id", &report.dossier_id);
    let step = fields.name("report.step_id", &report.step_id);
    let agency = fields.name("report.agency_code", &report.agency_code);
    let claimed_at = fields.instant("report.happened_at", report.happened_at.as_ref());
    let officer = fields.officer(report.officer.as_ref());
    let statement = statement(&mut fields, kind)?;
    let parsed = (|| {
        Some(ReportItem {
            item_id: item_id?,
            digest: item_digest(item),
            dossier_id: dossier_id?,
            claimed_at,
            report: Report {
                agency: agency?,
                step: step?,
                round: report.round,
                officer,
                statement: statement?,
            },
        })
    })();
    fields.done(parsed)
}

fn statement(fields: &mut Fields, kind: &v1::report::Kind) -> Result<Option<Statement>, Fault> {
    use v1::report::Kind;
    let later = |what: &'static str| {
        Err(Fault::new(
            tonic::Code::Unimplemented,
            "NOT_IMPLEMENTED",
            format!(
                "{what} is in the contract and not served by this release; README lists what is"
            ),
            format!("Phiên bản này chưa hỗ trợ {what}."),
        ))
    };
    Ok(match kind {
        Kind::Completed(said) => Some(Statement::Completed {
            evidence: fields.all_given("completed.evidence", &said.evidence),
            note: fields.text("completed.note", &said.note, REASON_BYTES_MAX),
        }),
        Kind::Refused(said) => Some(Statement::Refused {
            reason: fields.required_text("refused.reason", &said.reason, REASON_BYTES_MAX),
            legal_basis: fields.required_text(
                "refused.legal_basis",
                &said.legal_basis,
                LEGAL_BASIS_BYTES_MAX,
            ),
        }),
        Kind::Declined(said) => Some(Statement::Declined {
            reason: fields.required_text("declined.reason", &said.reason, REASON_BYTES_MAX),
            suggested: fields.optional_name(
                "declined.suggested_agency_code",
                &said.suggested_agency_code,
            ),
        }),
        Kind::PeerReturn(said) => {
            let reason = fields.required_text("peer_return.reason", &said.reason, REASON_BYTES_MAX);
            fields
                .name("peer_return.evidence", &said.evidence)
                .map(|evidence| Statement::PeerReturn {
                    evidence,
                    version: said.version,
                    reason,
                })
        }
        Kind::Progress(said) => Some(Statement::Progress {
            note: fields.text("progress.note", &said.note, REASON_BYTES_MAX),
        }),
        Kind::Correction(said) => Some(Statement::Correction {
            evidence: fields.all_given("correction.evidence", &said.evidence),
            reason: fields.required_text("correction.reason", &said.reason, REASON_BYTES_MAX),
        }),
        Kind::Upheld(said) => {
            let reason = fields.required_text("upheld.reason", &said.reason, REASON_BYTES_MAX);
            fields
                .name("upheld.evidence", &said.evidence)
                .map(|evidence| Statement::Upheld {
                    evidence,
                    version: said.version,
                    reason,
                })
        }
        Kind::Review(said) => {
            let mut versions = BTreeMap::new();
            for (n, one) in said.versions.iter().take(VERSIONS_MAX).enumerate() {
                if let Some(name) =
                    fields.name(&format!("review.versions[{n}].evidence"), &one.evidence)
                {
                    versions.insert(name, one.version);
                }
            }
            let redo = fields.choice("review.answer", said.answer, |answer| match answer {
                v1::ReviewAnswer::Stands => Some(false),
                v1::ReviewAnswer::Redo => Some(true),
                v1::ReviewAnswer::Unspecified => None,
            });
            let note = fields.text("review.note", &said.note, REASON_BYTES_MAX);
            redo.map(|redo| Statement::Review {
                redo,
                versions,
                note,
            })
        }
        Kind::SupplementRequest(_) => return later("supplement_request"),
        Kind::PaymentRequest(_) => return later("payment_request"),
        Kind::Consultation(_) => return later("consultation"),
        Kind::Extension(_) => return later("extension"),
    })
}
