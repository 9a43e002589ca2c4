//! What a rule that fits answers: its texts filled, its papers written.

use super::{
    Fitting, OfficerScript, ScriptedError, pdf,
    rule::{self, Give, Outcome},
    template::{Filling, TemplateError},
};
use crate::handler::{Answer, Content, Given, Paper, Said};
use contract::v1;

impl Fitting<'_> {
    pub(super) fn answers(self, handover: &v1::Handover) -> Result<Vec<Answer>, ScriptedError> {
        let said = self.said(handover)?;
        let scene = self.scene;
        Ok(said
            .into_iter()
            .map(|said| {
                let decides = matches!(
                    said,
                    Said::Completed { .. } | Said::Refused { .. } | Said::Correction { .. }
                );
                let signer = scene.signer.clone().filter(|_| decides);
                Answer {
                    officer: signer.or_else(|| scene.officer.clone()),
                    ..said.into()
                }
            })
            .collect())
    }

    fn said(&self, handover: &v1::Handover) -> Result<Vec<Said>, ScriptedError> {
        let Self { rule, filling, .. } = self;
        let text = |template: &str| filling.text(template).map_err(|e| self.template(e));
        let given = || -> Result<Vec<Given>, ScriptedError> {
            let given = rule.give.iter().map(|give| given(give, filling));
            given
                .collect::<Result<_, _>>()
                .map_err(|e| self.template(e))
        };
        let reason = text(&rule.reason)?;
        let note = text(&rule.note)?;
        let versions = || {
            handover
                .changes
                .iter()
                .map(|c| (c.evidence.clone(), c.to_version))
                .collect::<Vec<_>>()
        };
        if let Some(outcome) = rule.outcome.look_up() {
            // Whom it was asked about comes first; a rule may name another.
            let asked = handover.parties.first().map(|party| &party.party_id);
            let evidence = given()?
                .pop()
                .map(|given| match given.subject_party_id.as_str() {
                    "" => Given {
                        subject_party_id: asked.cloned().unwrap_or_default(),
                        ..given
                    },
                    _ => given,
                });
            return Ok(vec![Said::LookedUp {
                outcome,
                evidence,
                note,
            }]);
        }
        Ok(vec![match rule.outcome {
            Outcome::Completed => Said::Completed {
                evidence: given()?,
                note,
            },
            Outcome::Refused => Said::Refused {
                reason,
                legal_basis: text(&rule.legal_basis)?,
            },
            Outcome::Declined => Said::Declined {
                reason,
                suggested_agency_code: text(&rule.suggested_agency_code)?,
            },
            Outcome::PeerReturn => {
                let evidence = text(&rule.evidence)?;
                let version = self.version_of(handover, &evidence)?;
                Said::PeerReturn {
                    evidence,
                    version,
                    reason,
                }
            }
            Outcome::Correction => Said::Correction {
                evidence: given()?,
                reason,
            },
            Outcome::Upheld => {
                let evidence = match (rule.evidence.as_str(), handover.faults.first()) {
                    ("", Some(fault)) => fault.evidence.clone(),
                    (template, _) => text(template)?,
                };
                // The version in which the fault was found is the one that is upheld.
                let faulty = handover.faults.iter().find(|one| one.evidence == evidence);
                let version = match faulty {
                    Some(fault) => fault.version,
                    None => self.version_of(handover, &evidence)?,
                };
                Said::Upheld {
                    evidence,
                    version,
                    reason,
                }
            }
            Outcome::Redo => {
                let redo = Said::Review {
                    stands: false,
                    versions: versions(),
                    note: note.clone(),
                };
                let evidence = given()?;
                return Ok(vec![redo, Said::Completed { evidence, note }]);
            }
            Outcome::Supplement => Said::Supplement {
                items: self.items()?,
            },
            Outcome::Payment => {
                let amount = text(&rule.amount_vnd)?;
                Said::Payment {
                    obligation_id: text(&rule.obligation_id)?,
                    amount_vnd: amount.parse().map_err(|_| {
                        self.value(format!("amount_vnd is whole đồng and not `{amount}`"))
                    })?,
                    purpose: text(&rule.purpose)?,
                    legal_basis: text(&rule.legal_basis)?,
                }
            }
            Outcome::Consultation => Said::Consultation {
                agency_code: text(&rule.agency)?,
                question: text(&rule.question)?,
                limit: rule::limit(&rule.limit).map_err(|message| self.value(message))?,
                evidence: rule.share.clone(),
            },
            Outcome::Opinion => Said::Opinion {
                text: text(&rule.text)?,
            },
            // Those of look-ups were answered above.
            _ => Said::Review {
                stands: true,
                versions: versions(),
                note,
            },
        }])
    }

    fn items(&self) -> Result<Vec<v1::SupplementItem>, ScriptedError> {
        let text = |template: &str| self.filling.text(template).map_err(|e| self.template(e));
        self.rule
            .items
            .iter()
            .map(|item| {
                let approver = item.approver.as_ref().map(OfficerScript::officer);
                Ok(v1::SupplementItem {
                    evidence: item.evidence.clone(),
                    reason: text(&item.reason)?,
                    legal_basis: text(&item.legal_basis)?,
                    approval: approver.map(|approver| v1::Approval {
                        approver: Some(approver),
                        legal_basis: item.approval_basis.clone(),
                    }),
                })
            })
            .collect()
    }

    fn version_of(&self, handover: &v1::Handover, name: &str) -> Result<u32, ScriptedError> {
        let held = handover.evidence.iter().find(|one| one.name == name);
        let faulty = handover.faults.iter().find(|one| one.evidence == name);
        held.map(|one| one.version)
            .or(faulty.map(|fault| fault.version))
            .ok_or_else(|| ScriptedError::Evidence {
                place: self.scene.place.clone(),
                evidence: name.to_owned(),
            })
    }

    fn template(&self, source: TemplateError) -> ScriptedError {
        ScriptedError::Template {
            place: self.scene.place.clone(),
            source,
        }
    }

    fn value(&self, message: String) -> ScriptedError {
        ScriptedError::Value {
            place: self.scene.place.clone(),
            message,
        }
    }
}

fn given(give: &Give, filling: &Filling<'_>) -> Result<Given, TemplateError> {
    let data = match &give.data {
        Some(data) => filling.json(data)?.to_string().into(),
        None => bytes::Bytes::new(),
    };
    let mut documents = Vec::new();
    for paper in &give.papers {
        let title = filling.text(&paper.title)?;
        let lines: Result<Vec<_>, _> = paper.lines.iter().map(|line| filling.text(line)).collect();
        documents.push(Paper {
            file_name: filling.text(&paper.file_name)?,
            media_type: "application/pdf".into(),
            content: Content::Bytes(pdf::paper(&title, &lines?).into()),
        });
    }
    Ok(Given {
        name: give.evidence.clone(),
        schema_id: give.schema.clone(),
        data,
        documents,
        subject_party_id: give.subject.clone(),
    })
}
