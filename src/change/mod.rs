//! What a change is: the pure state machine of its life, and configurations as trees.
//!
//! **Invariants:** nothing here waits, does I/O or names a device. A change is one transaction:
//! `planned → trial → verify → held → confirm → save`, with `undo` from everywhere and an honest
//! `unknown` where nothing can be proven.

mod machine;
mod tree;

pub use self::machine::{Action, After, Event, Machine, Outcome, Phase, Run, Seen};
pub use self::tree::{Line, Tree, difference};

#[cfg(test)]
mod tests;
