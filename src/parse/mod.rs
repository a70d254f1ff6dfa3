//! Owns the way from output to records: a TextFSM engine ([`textfsm`]), the catalogue of templates
//! with its indexes ([`catalogue`]), and the records' way to a caller ([`shape`]).
//!
//! **Invariants:** nothing here waits, panics, or does I/O beyond reading templates, whatever the template and the text are;
//! the records are those of Python's TextFSM with ntc-templates' `parse_output` on top. That includes
//! one oddity, kept on purpose: in a List, a group that took no part in a match is the text `None`.
//! Whoever comes from ntc-templates finds their data unchanged; dropping the item instead would lose
//! the alignment of Lists that are filled side by side.
//!
//! Getting clean output (no echo, prompt or pager residue) is left to the session, and so is cutting
//! off a parse that takes too long, though the work is bounded by [`textfsm::limits`].

pub mod catalogue;
mod error;
pub mod native;
mod record;
pub mod select;
pub mod shape;
pub mod textfsm;

pub use catalogue::Catalogue;
pub use error::ParseError;
pub use record::{Item, Parsed, Value};
