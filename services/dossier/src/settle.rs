//! What follows by itself: steps that become due, rounds that are renewed, parts and dossiers that
//! finish. A function of the state and the procedure, asked until it has nothing more to say.

mod clock;
mod errands;

pub(crate) use clock::gone_on;
pub(crate) use errands::{limit_of, look_up};

use crate::{
    Event, Procedure, Rules,
    condition::Judgement,
    dossier::{Dossier, Intake, Obligation, Stage, Step},
    event::{Deadline, PartEnd, PauseWhy, Versions},
    intake::begins,
    limit::Limit,
    name::{AgencyCode, EvidenceName, PartId, StepId},
    party::Officer,
    request::deadline,
    want::{Want, Wanting},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The next event that follows by itself, if one does.
pub(crate) fn next(dossier: &Dossier, rules: Rules<'_>, at: Timestamp) -> Option<Event> {
    if dossier.closed_at.is_some() {
        return None;
    }
    let wanting = Wanting {
        dossier,
        procedure: rules.procedure,
    };
    // A clock goes on before what it was stopped for is handed over, so that the round says its date.
    let stops = [PauseWhy::Supplement, PauseWhy::Payment, PauseWhy::Stop];
    if let Some(event) = clock::clock(wanting, rules, &stops, at) {
        return Some(event);
    }
    let glance = Glance::at(dossier, rules.procedure);
    // Both are in the order of their ids.
    let mut plans = rules.procedure.text.steps.iter().peekable();
    let step_event = dossier.steps.iter().find_map(|(id, step)| {
        if !step.is_procedures() {
            return errands::errand(dossier, rules, id, step, at);
        }
        while plans.next_if(|(other, _)| *other < id).is_some() {}
        let (_, plan) = plans.next_if(|(other, _)| *other == id)?;
        let view = View {
            dossier,
            rules,
            procedure: rules.procedure,
            wanting,
            id,
            step,
            plan,
            glance,
        };
        view.recall()
            .or_else(|| view.skip())
            .or_else(|| view.want_again())
            .or_else(|| view.end())
            .or_else(|| view.elsewhere(at))
            .or_else(|| view.hand_over(at))
            .or_else(|| view.take_up())
            .or_else(|| view.ask_payment())
            .or_else(|| view.finish_hand_out())
    });
    step_event
        .or_else(|| not_accepted(dossier, rules))
        .or_else(|| errands::slips(dossier, rules))
        .or_else(|| errands::missing(wanting, rules, at))
        .or_else(|| clock::clock(wanting, rules, &[PauseWhy::Outside], at))
        .or_else(|| finished_part(dossier))
        .or_else(|| closed(dossier))
}

/// The citizen did not give at intake what the desk asked for.
fn not_accepted(dossier: &Dossier, rules: Rules<'_>) -> Option<Event> {
    let expired = dossier.intake == Intake::Filed
        && dossier.ending.is_none()
        && dossier.supplements.iter().any(|one| one.expired);
    expired.then(|| Event::NotAccepted {
        reason: "quá thời hạn bổ sung hồ sơ".into(),
        legal_basis: rules.procedure.text.legal_basis.clone(),
        officer: Officer::default(),
    })
}

/// What is so of the whole dossier, looked up once for all its steps: hardly any has it.
#[derive(Clone, Copy)]
struct Glance {
    /// A step was refused or ended: others may end with it.
    has_failed: bool,
    /// A step of the procedure is not to be done, and does not give what it would.
    has_undone: bool,
    /// The citizen did not give something.
    was_refused: bool,
    /// Something was given anew.
    was_corrected: bool,
}

impl Glance {
    fn at(dossier: &Dossier, procedure: &Procedure) -> Self {
        let (mut has_failed, mut has_undone, mut own) = (false, false, 0);
        for step in dossier.steps.values() {
            has_failed |= matches!(step.stage, Stage::Refused | Stage::Ended);
            has_undone |= step.stage == Stage::Skipped;
            own += usize::from(step.is_procedures());
        }
        Self {
            has_failed,
            has_undone: has_undone || own < procedure.text.steps.len(),
            was_corrected: dossier.evidence.values().any(|all| all.len() > 1),
            was_refused: !dossier.refused_consents.is_empty()
                || dossier.supplements.iter().any(|one| one.expired),
        }
    }
}

struct View<'a> {
    dossier: &'a Dossier,
    rules: Rules<'a>,
    procedure: &'a Procedure,
    wanting: Wanting<'a>,
    id: &'a StepId,
    step: &'a Step,
    plan: &'a crate::procedure::Step,
    glance: Glance,
}

impl View<'_> {
    fn is_received(&self) -> bool {
        self.dossier.intake == Intake::Received
    }

    /// A step that is not to be done, by its condition, or because whatever would have given what it
    /// needs is not to be done. Whoever has it already puts it down.
    fn skip(&self) -> Option<Event> {
        let is_finished = self.step.stage.is_finished();
        let undone = self.step.work && !self.step.completed_once && !is_finished;
        let unwanted = || self.judgement() == Judgement::Fails || self.nobody_gives();
        (self.is_received() && undone && unwanted()).then(|| Event::Skipped {
            step: self.id.clone(),
        })
    }

    /// A step that was not to be done and is, now that something was corrected.
    fn want_again(&self) -> Option<Event> {
        let is_skipped = self.is_received()
            && self.dossier.ending.is_none()
            && self.step.stage == Stage::Skipped;
        let wanted = || self.judgement() == Judgement::Holds && !self.nobody_gives();
        (is_skipped && wanted()).then(|| Event::Wanted {
            step: self.id.clone(),
        })
    }

    fn judgement(&self) -> Judgement {
        self.wanting.judge(self.plan.when.as_ref())
    }

    /// Whether it cannot run without something that nobody will give, because none of the steps that
    /// give it is to be done.
    fn nobody_gives(&self) -> bool {
        if !self.glance.has_undone {
            return false;
        }
        let skipped = |id: &StepId| {
            self.dossier
                .steps
                .get(id)
                .is_none_or(|step| step.stage == Stage::Skipped)
        };
        self.plan
            .needs
            .iter()
            .filter(|need| self.dossier.newest(&need.evidence).is_none())
            .filter(|need| self.wanting.want(need) == Want::Required)
            .any(|need| {
                let givers = self.procedure.givers(&need.evidence);
                !givers.is_empty() && givers.iter().all(skipped)
            })
    }

    /// A step that its department declined goes to the directory's next answer, if there is one.
    fn elsewhere(&self, at: Timestamp) -> Option<Event> {
        if self.step.stage != Stage::Declined {
            return None;
        }
        let role = self.plan.role.as_ref()?;
        let mut asked: BTreeSet<AgencyCode> = self.step.given_to.clone();
        asked.insert(self.step.agency.clone());
        let next = self
            .rules
            .directory
            .next(role, &self.dossier.received.territory, &asked, at)?;
        Some(Event::Moved {
            step: self.id.clone(),
            from: self.step.agency.clone(),
            to: next.code.clone(),
            reason: "declined: the directory's next answer".into(),
        })
    }

    /// What a desk or the citizen does is not handed over by a courier: the desk is told, and has it.
    fn take_up(&self) -> Option<Event> {
        (!self.step.is_departments() && self.step.stage == Stage::Due).then(|| {
            Event::Acknowledged {
                step: self.id.clone(),
                round: self.step.round,
            }
        })
    }

    /// A citizen's step that pays asks for what its evidence says.
    fn ask_payment(&self) -> Option<Event> {
        let name = self.plan.pays.as_ref()?;
        let has_it = self.step.stage == Stage::Held && self.step.work;
        if !has_it {
            return None;
        }
        let notice = self.dossier.newest(name)?;
        let data: serde_json::Value = serde_json::from_slice(&notice.new.given.data).ok()?;
        let text = |key: &str| data.get(key).and_then(|v| v.as_str()).unwrap_or_default();
        let obligation = text("obligation_id").parse().ok()?;
        let amount_vnd = data.get("amount_vnd")?.as_i64().filter(|sum| *sum > 0)?;
        let stands = |owed: &Obligation| {
            owed.step != *self.id || owed.reference.is_some() || owed.amount_vnd == amount_vnd
        };
        // A corrected notice is asked for instead of the one before.
        if self
            .dossier
            .obligations
            .get(&obligation)
            .is_some_and(stands)
        {
            return None;
        }
        Some(Event::PaymentAsked {
            step: self.id.clone(),
            round: self.step.round,
            obligation,
            amount_vnd,
            purpose: text("purpose").to_owned(),
            legal_basis: text("legal_basis").to_owned(),
            // Its step has a limit.
            due_at: None,
            officer: Officer::default(),
        })
    }

    /// A desk's step is done when all that it hands out was handed out.
    fn finish_hand_out(&self) -> Option<Event> {
        let has_it = self.step.stage == Stage::Held && self.step.work;
        let is_handing_out = !self.plan.hands_out.is_empty() && has_it;
        let all = self.plan.hands_out.iter().all(|name| {
            let newest = self.dossier.newest_number(name);
            newest == 0
                || self
                    .dossier
                    .handed_out
                    .get(name)
                    .is_some_and(|one| one.version == newest)
        });
        (is_handing_out && all).then(|| Event::Completed {
            step: self.id.clone(),
            round: self.step.round,
            evidence: vec![],
            officer: Officer::default(),
            note: String::new(),
        })
    }

    fn recall(&self) -> Option<Event> {
        let (agency, why) = self.step.to_recall.clone()?;
        Some(Event::RecallDue {
            step: self.id.clone(),
            round: self.step.round + 1,
            agency,
            why,
        })
    }

    /// A refusal ends its part and whatever needs it, no more.
    fn end(&self) -> Option<Event> {
        let unfinished = self.is_received() && self.step.work && !self.step.stage.is_finished();
        if !unfinished {
            return None;
        }
        let gave_nothing = || {
            // Whoever asked for it: nobody is asked twice.
            let expired = self.dossier.supplements.iter().any(|one| {
                let lacks = |need: &crate::procedure::Need| {
                    one.wanted().contains(&need.evidence)
                        && self.dossier.newest(&need.evidence).is_none()
                        && self.wanting.want(need) == Want::Required
                        && !self.wanting.may_still_be_found(&need.evidence)
                        && !self.wanting.may_still_be_given(&need.evidence)
                };
                one.expired
                    && (one.step.as_ref() == Some(self.id) || self.plan.needs.iter().any(lacks))
            });
            expired
                || self.plan.needs.iter().any(|need| {
                    self.dossier.refused_consents.contains_key(&need.evidence)
                        && self.wanting.want(need) == Want::Required
                })
        };
        if self.glance.was_refused && gave_nothing() {
            return Some(Event::Ended {
                step: self.id.clone(),
                because_of: self.id.clone(),
            });
        }
        if !self.glance.has_failed {
            return None;
        }
        let failed = |id: &StepId| {
            self.dossier
                .steps
                .get(id)
                .is_some_and(|step| matches!(step.stage, Stage::Refused | Stage::Ended))
        };
        let in_part = self
            .dossier
            .steps
            .iter()
            .find(|(_, other)| {
                other.is_procedures()
                    && other.part == self.step.part
                    && other.stage == Stage::Refused
            })
            .map(|(id, _)| id);
        let needed = || {
            self.plan
                .needs
                .iter()
                .filter(|need| !need.optional)
                .find_map(|need| {
                    // What a step gave no longer stands when its redo is refused.
                    if let Some(newest) = self.dossier.newest(&need.evidence) {
                        return newest.step.as_ref().filter(|giver| failed(giver));
                    }
                    let givers = self.procedure.givers(&need.evidence);
                    let all_failed = givers.iter().all(|giver| {
                        failed(giver)
                            || self
                                .dossier
                                .steps
                                .get(giver)
                                .is_none_or(|step| step.stage == Stage::Skipped)
                    });
                    givers.iter().find(|giver| all_failed && failed(giver))
                })
        };
        let before = || self.plan.after.iter().find(|id| failed(id));
        let because_of = in_part.or_else(needed).or_else(before)?;
        Some(Event::Ended {
            step: self.id.clone(),
            because_of: because_of.clone(),
        })
    }

    fn hand_over(&self, at: Timestamp) -> Option<Event> {
        if !self.is_received() || self.dossier.stopped_since.is_some() {
            return None;
        }
        if self.is_as_it_was() {
            debug_assert!(self.next_round(at).is_none(), "{} has a round", self.id);
            return None;
        }
        self.next_round(at)
    }

    fn next_round(&self, at: Timestamp) -> Option<Event> {
        let answers: BTreeSet<EvidenceName> = self
            .dossier
            .returns
            .iter()
            .filter(|(_, open)| open.giver == *self.id)
            .map(|(name, _)| name.clone())
            .collect();
        let newest: Versions = self
            .plan
            .needs
            .iter()
            .filter(|need| self.wanting.want(need) != Want::No)
            .map(|need| {
                (
                    need.evidence.clone(),
                    self.dossier.newest_number(&need.evidence),
                )
            })
            .filter(|(_, version)| *version > 0)
            .collect();
        let against = self.against();
        let (work, review) = match self.step.stage {
            Stage::Waiting if self.step.work => {
                if !self.is_ready() {
                    return None;
                }
                (true, Versions::new())
            }
            Stage::Waiting | Stage::Completed => {
                let mut review = differing(&newest, &self.step.used);
                review.extend(against);
                if review.is_empty() && answers.is_empty() {
                    return self.nothing_to_judge();
                }
                if !self.step.is_departments() {
                    // A desk hands a corrected result out again, unless the citizen withdrew; nothing
                    // else of it is judged anew.
                    if self.plan.hands_out.is_empty() || self.dossier.ending.is_some() {
                        return None;
                    }
                    (true, Versions::new())
                } else {
                    (false, review)
                }
            }
            Stage::Due | Stage::PossiblyHeld | Stage::Held if self.step.awaiting.is_none() => {
                let changed = newest != self.step.inputs || !within(&against, &self.step.review);
                let renewed = changed
                    || answers != self.step.answers
                    || self.step.has_news()
                    || self.step.is_partly_done();
                if !renewed {
                    return None;
                }
                let mut review = self.to_judge(&newest);
                review.extend(against);
                // What it was asked to judge is no longer wanted: it still says so of this round.
                if !self.step.work && review.is_empty() && answers.is_empty() {
                    return None;
                }
                (self.step.work, review)
            }
            _ => return None,
        };
        let running = self
            .step
            .due_at
            .zip(self.step.warn_at)
            .filter(|_| self.step.finished_at.is_none());
        let answering = !work && !answers.is_empty();
        let answer_limit = answering
            .then(|| self.answer_limit(&answers))
            .flatten()
            .filter(|_| running.is_none());
        Some(Event::HandoverDue {
            step: self.id.clone(),
            round: self.step.round + 1,
            agency: self.step.agency.clone(),
            work,
            answers,
            review,
            inputs: newest,
            deadline: running.map_or_else(
                || self.first_deadline(at, answer_limit),
                |(due_at, warn_at)| Deadline { due_at, warn_at },
            ),
        })
    }

    /// Whether it is seen at once that no round follows, as for most steps at most times: it is not ready,
    /// or nothing of what its round or its result stands on is another by now.
    fn is_as_it_was(&self) -> bool {
        let stands_on = match self.step.stage {
            Stage::Waiting if self.step.work => return !self.is_ready(),
            Stage::Completed => &self.step.used,
            Stage::Due | Stage::PossiblyHeld | Stage::Held => &self.step.inputs,
            _ => return false,
        };
        // A condition may also change what is wanted.
        let has_conditions = || {
            let mut names = self.plan.needs.iter().map(|need| &need.evidence);
            self.plan.when.is_some() || names.any(|name| self.procedure.needed_when(name).is_some())
        };
        if self.step.has_news() || self.step.is_partly_done() || !self.dossier.returns.is_empty() {
            return false;
        }
        // What it was given is the only version that there is, and there is nothing else for it.
        let has_all = self.plan.is_self_sufficient && stands_on.len() == self.plan.needs.len();
        if has_all && !self.glance.was_corrected {
            return self.step.answers.is_empty();
        }
        if has_conditions() {
            return false;
        }
        let mut there = 0;
        for need in &self.plan.needs {
            let newest = self.dossier.newest_number(&need.evidence);
            if newest > 0 && stands_on.get(&need.evidence) != Some(&newest) {
                return false;
            }
            there += usize::from(newest > 0);
        }
        there == stands_on.len() && self.step.answers.is_empty()
    }

    /// What speaks against a result that exists: evidence by which its step would not have been to do,
    /// and that no round of it holds. Its department judges that once for each version.
    fn against(&self) -> Versions {
        let has_result = self.step.completed_once && !self.step.work && self.step.is_departments();
        if !has_result || self.judgement() != Judgement::Fails {
            return Versions::new();
        }
        let needed =
            |name: &EvidenceName| self.plan.needs.iter().any(|need| need.evidence == *name);
        let conditions = self.plan.when.iter();
        let named = conditions.flat_map(|when| when.evidence());
        let newest = named
            .filter(|name| !needed(name))
            .map(|name| (name.clone(), self.dossier.newest_number(name)))
            .filter(|(_, version)| *version > 0)
            .collect();
        differing(&newest, &self.step.judged)
    }

    /// A judgement that was taken away from its department before it came, and that is no longer
    /// wanted: the result stands.
    fn nothing_to_judge(&self) -> Option<Event> {
        (self.step.stage == Stage::Waiting).then(|| Event::Reviewed {
            step: self.id.clone(),
            round: self.step.round,
            redo: false,
            note: "nothing is left to judge".into(),
            officer: Officer::default(),
        })
    }

    /// A limit starts when the step becomes due; after the cut-off, on the next working day
    /// (NĐ 61/2018 Art 18(2)).
    fn first_deadline(&self, at: Timestamp, answer: Option<Limit>) -> Deadline {
        let cutoff = self.procedure.cutoff(self.id);
        let limit = answer.unwrap_or(self.plan.limit);
        let start = begins(self.rules.calendar.starts(at, cutoff), at, limit);
        deadline(self.rules, start, limit)
    }

    /// How long the answer to a fault may take, as the step that found it says.
    fn answer_limit(&self, answers: &BTreeSet<EvidenceName>) -> Option<Limit> {
        answers
            .iter()
            .filter_map(|name| self.dossier.returns.get(name)?.askers.first())
            .filter_map(|asker| Some(self.procedure.step(asker)?.peer_return.as_ref()?.answer))
            .min_by_key(|limit| limit.hours())
    }

    /// What an open round asks to judge when it is renewed.
    fn to_judge(&self, newest: &Versions) -> Versions {
        if !self.step.work {
            return differing(newest, &self.step.used);
        }
        // Not yet held: it simply gets the new version. Held: it is asked.
        let changed = differing(newest, &self.step.inputs);
        let is_held = self.step.stage == Stage::Held;
        newest
            .iter()
            .filter(|(name, _)| {
                self.step.review.contains_key(*name) || is_held && changed.contains_key(*name)
            })
            .map(|(name, version)| (name.clone(), *version))
            .collect()
    }

    /// Due when its condition holds, all the evidence it needs is there, uncontested, and every step
    /// in `after` is done.
    fn is_ready(&self) -> bool {
        // What was done once is done again as its department said, whatever is known by now.
        if !self.step.completed_once && self.judgement() != Judgement::Holds {
            return false;
        }
        let needs = self.plan.needs.iter().all(|need| {
            let name = &need.evidence;
            if self.dossier.newest(name).is_some() {
                return !self.dossier.returns.contains_key(name);
            }
            match self.wanting.want(need) {
                Want::Required => false,
                Want::No => true,
                Want::Unknown | Want::Optional => {
                    !self.wanting.may_still_be_given(name) && !self.wanting.may_still_be_found(name)
                }
            }
        });
        let after = self.plan.after.iter().all(|id| {
            self.dossier
                .steps
                .get(id)
                .is_none_or(|step| matches!(step.stage, Stage::Completed | Stage::Skipped))
        });
        needs && after
    }
}

fn differing(newest: &Versions, than: &Versions) -> Versions {
    newest
        .iter()
        .filter(|(name, version)| than.get(*name) != Some(version))
        .map(|(name, version)| (name.clone(), *version))
        .collect()
}

fn within(some: &Versions, all: &Versions) -> bool {
    differing(some, all).is_empty()
}

fn finished_part(dossier: &Dossier) -> Option<Event> {
    let has_begun = dossier.intake == Intake::Received || dossier.ending.is_some();
    dossier
        .parts
        .iter()
        .filter(|(_, part)| has_begun && part.end.is_none())
        .find_map(|(part, _)| {
            Some(Event::PartFinished {
                part: part.clone(),
                end: part_end(dossier, part)?,
            })
        })
}

fn part_end(dossier: &Dossier, part: &PartId) -> Option<PartEnd> {
    let mut end = PartEnd::Skipped;
    for (_, step) in dossier
        .procedure_steps()
        .filter(|(_, step)| step.part == *part)
    {
        end = match (step.stage, end) {
            (Stage::Skipped, end) => end,
            (Stage::Refused, _) | (_, PartEnd::Refused) if step.stage.is_finished() => {
                PartEnd::Refused
            }
            (Stage::Ended, _) => PartEnd::Ended,
            (Stage::Completed, PartEnd::Ended) => PartEnd::Ended,
            (Stage::Completed, _) => PartEnd::Completed,
            _ => return None,
        };
    }
    Some(end)
}

/// Nothing closes while an answer is open.
fn closed(dossier: &Dossier) -> Option<Event> {
    let parts_are_finished = dossier.parts.values().all(|part| part.end.is_some());
    let errands_are_done = dossier
        .steps
        .values()
        .all(|step| step.is_procedures() || step.stage.is_finished());
    (parts_are_finished && errands_are_done && dossier.returns.is_empty()).then_some(Event::Closed)
}
