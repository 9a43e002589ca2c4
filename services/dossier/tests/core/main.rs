//! The core's tests: stories that an official could read, and laws as properties. The seeded
//! world that loses, repeats, reorders and crashes is the town beside it.

#![allow(clippy::unwrap_used)]
#![allow(unreachable_pub)] // modules of a test binary are reached by nobody else

mod bookkeeper;
mod bounds;
mod calendar;
mod code;
mod condition;
mod deploy;
mod directory;
mod extract;
mod generate;
mod handover;
mod intake;
mod invariants;
mod journeys;
mod laws;
mod made_up;
mod national;
mod once_only;
mod procedure;
mod refusals;
mod schema;
mod slip;
mod stories;
mod stories_of_clocks;
mod stories_of_notices;
mod stories_of_returns;
mod stories_of_rules;
mod world;
