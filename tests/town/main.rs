//! The whole system over real mutual TLS, on ports that the system picks: stories that an official
//! could read, and what each piece of bad input and each fault gets.

#![allow(clippy::unwrap_used)]

mod alerts;
mod bad_input;
mod between;
mod child;
mod console;
mod contract;
mod counter;
mod crash;
mod desks;
mod disk;
mod documents;
mod doors;
mod drain;
mod harness;
mod identity;
mod limits;
mod metrics;
mod operators;
mod overview;
mod papers;
mod pressure;
mod python;
mod repetition;
mod silence;
mod stories;
mod told;
mod town;
mod traces;
