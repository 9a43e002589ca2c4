//! The story: what a dossier is and what becomes of it.
//!
//! Pure: no async, no clock, no socket, no disk. [`decide`] takes the dossier as it is, something
//! that happened and the procedure that the dossier follows; it gives back the events to record, or
//! a [`Refusal`] that teaches. [`owed`] names what must still be done: a function of the state.

mod adoption;
pub mod alarm;
mod apply;
pub mod bounds;
pub mod calendar;
pub mod code;
pub mod condition;
mod counter;
mod custody;
pub mod decide;
pub mod department_notice;
pub mod directory;
pub mod dossier;
pub mod event;
pub mod evidence;
pub mod extract;
pub mod hand_out;
pub mod handover;
pub mod identifier;
mod ijson;
pub mod intake;
pub mod limit;
pub mod name;
pub mod national;
pub mod notice;
pub mod owed;
pub mod party;
pub mod procedure;
pub mod refusal;
mod report;
pub mod request;
pub mod schema;
mod settle;
pub mod shared;
pub mod slip;
pub mod standing;
mod standstill;
mod step;
pub mod supplement;
mod text;
pub mod vault;
mod want;

pub use decide::{Decided, Rules, decide};
pub use dossier::Dossier;
pub use event::{Entry, Event};
pub use owed::{Debt, owed};
pub use procedure::Procedure;
pub use refusal::Refusal;
