//! What a CLI asks and what answers it: steps between modes, questions, pagers, long inputs.

use regex::Regex;

use super::ModeName;

/// A step from one mode to another.
#[derive(Debug)]
pub struct Transition {
    /// The mode it starts in.
    pub from: ModeName,
    /// The mode it must end in.
    pub to: ModeName,
    /// What is sent.
    pub send: String,
    /// Whether the step needs the enable secret.
    pub secret: SecretUse,
    /// Questions that it may raise.
    pub dialog: Vec<Dialog>,
}

/// Whether a step can be taken without an enable secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretUse {
    /// No secret is asked.
    None,
    /// A secret may be asked; the step is tried without one.
    Optional,
    /// The step is taken only where the inventory has a secret.
    Required,
}

/// A question and what answers it.
#[derive(Debug)]
pub struct Dialog {
    /// Matches the last, unterminated line.
    pub question: Regex,
    /// What is sent.
    pub answer: Answer,
}

/// What is sent to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The user name of the inventory.
    Username,
    /// The password of the inventory.
    Password,
    /// The enable secret of the inventory.
    EnableSecret,
    /// An empty line.
    Enter,
    /// `yes`.
    Yes,
    /// `no`.
    No,
    /// A key, without Enter.
    Key(String),
    /// A text and Enter.
    Text(String),
    /// Nothing: the question is reported.
    Report,
}

/// A command of the session's set-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What is sent.
    pub send: String,
    /// Takes the setting back before the session is closed.
    pub undo: Option<String>,
}

/// An input of several lines, during which the device shows no prompt.
#[derive(Debug)]
pub struct Block {
    /// Matches the line that begins it.
    pub begins: Regex,
    /// Matches what the device says when it takes the text.
    pub ready: Option<Regex>,
    /// Sent behind the last line, where the text does not end itself.
    pub end: String,
}

/// How a pager looks and what it understands.
#[derive(Debug)]
pub struct Pager {
    /// Matches the whole pager prompt.
    pub prompt: Regex,
    /// The key that is pressed.
    pub key: String,
    /// Whether the pager fills the screen with blank lines before it stops.
    pub pads_screen: bool,
}
