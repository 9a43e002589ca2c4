//! The counter: what a department runs or links: inbox, outbox, the Handler.
