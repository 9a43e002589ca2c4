//! The whole system over real mutual TLS, on ports that the system picks: stories that an official
//! could read, and what each piece of bad input and each fault gets.

mod child;
mod stories;
mod town;
