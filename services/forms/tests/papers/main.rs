//! The papers as those see them who get them: read back, pressed to their limits, and refused.

#![allow(clippy::unwrap_used)]

mod content;
mod limits;
mod overriding;
mod reader;
mod samples;
mod templates;
