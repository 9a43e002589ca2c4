//! What a desk is to do, from what the broker told it: to receive, to ask, to collect, to hand out, to
//! apologise.

use contract::v1::{self, Notice, PeerReturnState, StepState, notice::Kind};
use prost_types::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// One thing to do for a dossier.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// Receive a filed dossier, refuse it, or ask for more.
    Receive,
    /// Ask the citizen for a supplement (form 02) and take the answer.
    AskSupplement {
        /// Its number.
        number: u32,
        /// Who asks.
        agency_code: String,
        /// Everything that is asked.
        items: Vec<v1::SupplementItem>,
    },
    /// Collect a payment and confirm it.
    CollectPayment {
        /// The obligation.
        obligation_id: String,
        /// Who asks.
        agency_code: String,
        /// Whole đồng.
        amount_vnd: i64,
        /// What for.
        purpose: String,
    },
    /// Do a step that is the desk's own.
    CompleteStep {
        /// The step.
        step_id: String,
    },
    /// Hand a result out.
    HandOut {
        /// The result.
        evidence: String,
        /// Its version.
        version: u32,
    },
    /// Apologise and say a new date (form 04).
    Apologise {
        /// The part.
        part_id: String,
        /// Who has it.
        agency_codes: Vec<String>,
    },
    /// Tell the head of an agency that keeps silent on a consultation.
    TellHead {
        /// The step that asked.
        step_id: String,
        /// Who keeps silent.
        agency_code: String,
    },
}

/// What is to be done, since when and until when.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The dossier's code.
    pub dossier_code: String,
    /// What.
    pub todo: Todo,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Until when, if there is a limit.
    pub due_at: Option<Timestamp>,
}

/// The worklist of one desk. It is the same however often a notice is heard.
#[derive(Debug, Clone, Default)]
pub struct Worklist {
    agency_code: String,
    entries: BTreeMap<(String, String), Entry>,
    /// Results with a fault that is not answered: they are not handed out until it is.
    faulty: BTreeMap<(String, String), Entry>,
    /// What was done, so that a notice that is heard again does not bring it back.
    done: BTreeSet<(String, String)>,
    /// The newest version of each result: one that was replaced is not handed out any more.
    newest: BTreeMap<(String, String), u32>,
}

impl Worklist {
    /// An empty worklist of the desk of this agency.
    pub fn new(agency_code: &str) -> Self {
        Self {
            agency_code: agency_code.to_owned(),
            ..Self::default()
        }
    }

    /// What is to be done, the oldest first.
    pub fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.entries.values().collect();
        let at = |at: &Option<Timestamp>| at.as_ref().map(|at| (at.seconds, at.nanos));
        entries.sort_by_key(|entry| at(&entry.since));
        entries
    }

    /// Takes up a notice.
    pub fn hear(&mut self, notice: &Notice) {
        let code = notice.dossier_code.as_str();
        let add = |list: &mut Self, key: String, todo, due_at: Option<Timestamp>| {
            let key = (code.to_owned(), key);
            if list.done.contains(&key) || list.faulty.contains_key(&key) {
                return;
            }
            let entry = Entry {
                dossier_code: code.to_owned(),
                todo,
                since: notice.happened_at,
                due_at,
            };
            list.entries.entry(key).or_insert(entry);
        };
        match &notice.kind {
            Some(Kind::Filed(filed)) => {
                add(self, "receive".into(), Todo::Receive, filed.receive_by);
            }
            Some(Kind::Received(_) | Kind::NotAccepted(_)) => self.finish(code, "receive"),
            Some(Kind::SupplementAsked(asked)) => {
                let todo = Todo::AskSupplement {
                    number: asked.number,
                    agency_code: asked.agency_code.clone(),
                    items: asked.items.clone(),
                };
                add(
                    self,
                    format!("supplement {}", asked.number),
                    todo,
                    asked.due_at,
                );
            }
            Some(Kind::SupplementEnded(ended)) => {
                self.finish(code, &format!("supplement {}", ended.number));
            }
            Some(Kind::PaymentAsked(asked)) => {
                let todo = Todo::CollectPayment {
                    obligation_id: asked.obligation_id.clone(),
                    agency_code: asked.agency_code.clone(),
                    amount_vnd: asked.amount_vnd,
                    purpose: asked.purpose.clone(),
                };
                let key = format!("payment {}", asked.obligation_id);
                add(self, key, todo, asked.due_at);
            }
            Some(Kind::SupplementDue(moved)) => {
                self.put_off(code, format!("supplement {}", moved.number), moved.due_at);
            }
            Some(Kind::PaymentDue(moved)) => {
                self.put_off(
                    code,
                    format!("payment {}", moved.obligation_id),
                    moved.due_at,
                );
            }
            Some(Kind::PaymentDropped(dropped)) => {
                // Not done: the step may be wanted again, and then its sum is asked for again.
                let key = format!("payment {}", dropped.obligation_id);
                self.entries.remove(&(code.to_owned(), key));
            }
            Some(Kind::Paid(paid)) => {
                self.finish(code, &format!("payment {}", paid.obligation_id));
            }
            Some(Kind::Step(step)) => self.hear_step(code, step, add),
            Some(Kind::Result(result)) => {
                if !self.supersede(code, &result.evidence, result.version) {
                    return;
                }
                let todo = Todo::HandOut {
                    evidence: result.evidence.clone(),
                    version: result.version,
                };
                let key = format!("result {} {}", result.evidence, result.version);
                add(self, key, todo, None);
            }
            Some(Kind::HandedOut(out)) => {
                self.finish(code, &format!("result {} {}", out.evidence, out.version));
            }
            Some(Kind::PeerReturn(fault)) => self.hear_fault(code, fault),
            Some(Kind::ApologyOwed(owed)) => {
                let todo = Todo::Apologise {
                    part_id: owed.part_id.clone(),
                    agency_codes: owed.agency_codes.clone(),
                };
                add(self, format!("apology {}", owed.part_id), todo, None);
            }
            Some(Kind::Promised(promised)) if promised.why == "extended" => {
                self.finish(code, &format!("apology {}", promised.part_id));
            }
            Some(Kind::Part(part)) => self.finish(code, &format!("apology {}", part.part_id)),
            Some(Kind::ConsultationSilent(silent)) => {
                let todo = Todo::TellHead {
                    step_id: silent.step_id.clone(),
                    agency_code: silent.agency_code.clone(),
                };
                let key = format!("silent {} {}", silent.step_id, silent.agency_code);
                add(self, key, todo, None);
            }
            Some(Kind::Withdrawn(_)) => {
                self.entries.retain(|(of, _), _| of != code);
                self.faulty.retain(|(of, _), _| of != code);
            }
            Some(Kind::Closed(_)) => {
                // What exists can still be handed out.
                self.entries
                    .retain(|(of, key), _| of != code || key.starts_with("result "));
            }
            _ => {}
        }
    }

    /// Lets a result take the place of the version before it; false where a newer one is there.
    fn supersede(&mut self, code: &str, evidence: &str, version: u32) -> bool {
        let of = (code.to_owned(), evidence.to_owned());
        let newest = self.newest.entry(of).or_insert(version);
        if *newest < version {
            let replaced = (code.to_owned(), format!("result {evidence} {newest}"));
            *newest = version;
            self.entries.remove(&replaced);
            self.faulty.remove(&replaced);
        }
        *newest == version
    }

    /// A result in which a fault was found waits for the answer: upheld, it is handed out after all;
    /// corrected, its new version is.
    fn hear_fault(&mut self, code: &str, fault: &v1::NoticePeerReturn) {
        let key = |version| {
            let result = format!("result {} {version}", fault.evidence);
            (code.to_owned(), result)
        };
        match fault.state() {
            PeerReturnState::Asked => {
                let key = key(fault.version);
                if let Some(entry) = self.entries.remove(&key) {
                    self.faulty.insert(key, entry);
                }
            }
            PeerReturnState::Upheld => {
                let key = key(fault.version);
                if let Some(entry) = self.faulty.remove(&key) {
                    self.entries.insert(key, entry);
                }
            }
            PeerReturnState::Corrected | PeerReturnState::Unspecified => {}
        }
    }

    fn hear_step(
        &mut self,
        code: &str,
        step: &v1::NoticeStep,
        add: impl Fn(&mut Self, String, Todo, Option<Timestamp>),
    ) {
        let finished = matches!(
            step.state(),
            StepState::Completed | StepState::Refused | StepState::Ended | StepState::Skipped
        );
        if finished {
            let silent = format!("silent {} ", step.step_id);
            self.entries
                .retain(|(of, key), _| of != code || !key.starts_with(&silent));
        }
        if step.agency_code != self.agency_code {
            return;
        }
        // A desk's step may come anew, in a round of its own.
        let key = format!("step {} {}", step.step_id, step.round);
        if finished {
            self.finish(code, &key);
        } else if step.state() == StepState::Held {
            let todo = Todo::CompleteStep {
                step_id: step.step_id.clone(),
            };
            add(self, key, todo, None);
        }
    }

    fn put_off(&mut self, code: &str, key: String, due_at: Option<Timestamp>) {
        if let Some(entry) = self.entries.get_mut(&(code.to_owned(), key)) {
            entry.due_at = due_at;
        }
    }

    fn finish(&mut self, code: &str, key: &str) {
        let key = (code.to_owned(), key.to_owned());
        self.entries.remove(&key);
        self.done.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(kind: Kind) -> Notice {
        Notice {
            dossier_code: "D-1".into(),
            kind: Some(kind),
            ..Default::default()
        }
    }

    fn heard(kinds: &[Kind]) -> Vec<Todo> {
        let mut list = Worklist::new("desk-1");
        // Twice, as after a loss.
        for kind in kinds.iter().chain(kinds) {
            list.hear(&notice(kind.clone()));
        }
        list.entries()
            .into_iter()
            .map(|one| one.todo.clone())
            .collect()
    }

    fn result(version: u32) -> Kind {
        Kind::Result(v1::NoticeResult {
            evidence: "birth_certificate".into(),
            version,
            ..Default::default()
        })
    }

    #[test]
    fn a_filed_dossier_is_to_be_received_until_it_is() {
        let filed = Kind::Filed(v1::NoticeFiled::default());
        assert_eq!(heard(std::slice::from_ref(&filed)), [Todo::Receive]);
        let received = Kind::Received(v1::NoticeReceived::default());
        assert_eq!(heard(&[filed, received]), []);
    }

    #[test]
    fn a_result_is_to_be_handed_out_in_its_newest_version_alone_also_after_closing() {
        let closed = Kind::Closed(v1::NoticeClosed {});
        let out = |version| {
            Kind::HandedOut(v1::NoticeHandedOut {
                evidence: "birth_certificate".into(),
                version,
            })
        };
        let hand_out = |version| Todo::HandOut {
            evidence: "birth_certificate".into(),
            version,
        };
        assert_eq!(
            heard(&[result(1), result(2), closed.clone()]),
            [hand_out(2)]
        );
        assert_eq!(heard(&[result(1), out(1), result(2)]), [hand_out(2)]);
        assert_eq!(heard(&[result(1), closed, out(1)]), []);
    }

    #[test]
    fn a_version_of_whatever_number_replaces_the_ones_before_at_once() {
        let hand_out = |version| Todo::HandOut {
            evidence: "birth_certificate".into(),
            version,
        };
        let last = u32::MAX;
        assert_eq!(heard(&[result(1), result(last)]), [hand_out(last)]);
        assert_eq!(heard(&[result(last), result(1)]), [hand_out(last)]);
        let fault = |state| fault(1, state);
        let late = [
            result(1),
            fault(PeerReturnState::Asked),
            result(2),
            fault(PeerReturnState::Upheld),
        ];
        assert_eq!(heard(&late), [hand_out(2)]);
    }

    fn fault(version: u32, state: PeerReturnState) -> Kind {
        Kind::PeerReturn(v1::NoticePeerReturn {
            evidence: "birth_certificate".into(),
            version,
            state: state.into(),
            ..Default::default()
        })
    }

    #[test]
    fn a_result_with_an_open_fault_is_not_to_be_handed_out_before_it_is_answered() {
        let hand_out = |version| Todo::HandOut {
            evidence: "birth_certificate".into(),
            version,
        };
        let asked = fault(1, PeerReturnState::Asked);
        assert_eq!(heard(&[result(1), asked.clone()]), []);
        let again = [result(1), asked.clone(), result(1)];
        assert_eq!(heard(&again), [], "also where it is told once more");
        let upheld = fault(1, PeerReturnState::Upheld);
        assert_eq!(heard(&[result(1), asked.clone(), upheld]), [hand_out(1)]);
        let corrected = fault(2, PeerReturnState::Corrected);
        let answered = [result(1), asked, result(2), corrected];
        assert_eq!(heard(&answered), [hand_out(2)]);
    }

    #[test]
    fn of_a_withdrawn_dossier_nothing_is_to_be_handed_out() {
        let withdrawn = Kind::Withdrawn(v1::NoticeWithdrawn {});
        let closed = Kind::Closed(v1::NoticeClosed {});
        assert_eq!(heard(&[result(1), withdrawn, closed]), []);
    }

    #[test]
    fn a_payment_is_to_be_collected_once() {
        let asked = Kind::PaymentAsked(v1::NoticePaymentAsked {
            obligation_id: "NV-1".into(),
            amount_vnd: 30_000_000,
            ..Default::default()
        });
        assert_eq!(heard(std::slice::from_ref(&asked)).len(), 1);
        let due_at = Some(Timestamp {
            seconds: 1_795_316_400,
            nanos: 0,
        });
        let moved = Kind::PaymentDue(v1::NoticePaymentDue {
            obligation_id: "NV-1".into(),
            due_at,
        });
        let mut list = Worklist::new("desk-1");
        for kind in [asked.clone(), moved] {
            list.hear(&notice(kind));
        }
        let dates: Vec<_> = list.entries().iter().map(|entry| entry.due_at).collect();
        assert_eq!(dates, [due_at]);
        let paid = Kind::Paid(v1::NoticePaid {
            obligation_id: "NV-1".into(),
        });
        assert_eq!(heard(&[asked, paid]), []);
    }

    #[test]
    fn a_sum_that_is_not_owed_any_more_is_not_collected_until_it_is_asked_for_again() {
        let asked = Kind::PaymentAsked(v1::NoticePaymentAsked {
            obligation_id: "NV-1".into(),
            ..Default::default()
        });
        let dropped = Kind::PaymentDropped(v1::NoticePaymentDropped {
            obligation_id: "NV-1".into(),
        });
        assert_eq!(heard(&[asked.clone(), dropped.clone()]), []);
        assert_eq!(heard(&[asked.clone(), dropped, asked]).len(), 1);
    }

    #[test]
    fn the_desks_own_step_is_to_be_done_and_nobody_elses() {
        let step = |agency: &str, state: StepState| {
            Kind::Step(v1::NoticeStep {
                step_id: "intake".into(),
                agency_code: agency.into(),
                state: state as i32,
                round: 1,
                ..Default::default()
            })
        };
        let held = step("desk-1", StepState::Held);
        assert_eq!(heard(std::slice::from_ref(&held)).len(), 1);
        assert_eq!(heard(&[held, step("desk-1", StepState::Completed)]), []);
        assert_eq!(heard(&[step("office", StepState::Held)]), []);
    }
}
