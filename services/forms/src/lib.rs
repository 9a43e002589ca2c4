//! The papers that a desk hands out and keeps: the seven forms of TT 03/2025/TT-VPCP, Annex I, and
//! the transfer slip, typeset as PDF from templates that a province can change without a compiler.
//!
//! Pure but for [`Forms::load`]: no clock, and the same form always gives the same bytes.

mod font;
mod form;
mod layout;
mod page;
mod paper;
mod pdf;
mod scope;
mod setter;
mod shelf;
mod template;
mod value;
mod vietnamese;

pub use form::{Form, FormError, FormKind};
pub use paper::*;
pub use shelf::{Forms, LoadError};
pub use template::TemplateError;
