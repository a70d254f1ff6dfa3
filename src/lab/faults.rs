//! The faults a simulated device can be given. None is on by default.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// What is wrong with a device. Settable in code and, with the same field names, in TOML.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Sends everything in packets of this many bytes.
    pub chunk_size: Option<usize>,
    /// Waits this long between two such packets.
    #[serde(rename = "chunk_delay_ms", deserialize_with = "milliseconds")]
    pub chunk_delay: Duration,
    /// Waits this long before it answers a command.
    #[serde(rename = "answer_delay_ms", deserialize_with = "milliseconds")]
    pub answer_delay: Duration,
    /// Waits this long before the first prompt.
    #[serde(rename = "login_delay_ms", deserialize_with = "milliseconds")]
    pub login_delay: Duration,
    /// How it echoes what is typed.
    pub echo: Echo,
    /// Falls silent in the middle of output, though the connection stays up.
    pub stall: Option<Cut>,
    /// Drops the connection in the middle of output.
    pub drop: Option<Cut>,
    /// Talks over its own output.
    pub log_line: Option<LogLine>,
    /// Takes the commands that turn the pager off, and keeps paging.
    pub paging_stays_on: bool,
    /// What it does about the privileged password.
    pub enable: Enable,
    /// Commands, by how they start, that never finish.
    pub hang: Vec<String>,
    /// Whether Ctrl-C fails to end a command that hangs or output that does not end.
    pub ignores_interrupt: bool,
    /// Replaces the text printed after login.
    pub motd: Option<String>,
    /// Sent, or replaced, as the SSH authentication banner.
    pub auth_banner: Option<String>,
    /// What it denies after a login that succeeded.
    pub denies: Denial,
}

/// What a device denies after a login that succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// Nothing.
    #[default]
    Nothing,
    /// The session channel.
    Channel,
    /// The pseudo-terminal.
    Pty,
    /// The shell, which it closes before it prints anything.
    Shell,
}

/// How a device echoes what is typed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Echo {
    /// Once.
    #[default]
    Normal,
    /// Again, with the prompt, after Enter, as EOS and NX-OS do when they are slow.
    Twice,
    /// Not at all.
    Off,
}

/// A place in the output of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cut {
    /// Counts only the output of commands that start like this; of every command where absent.
    pub command: Option<String>,
    /// After this many bytes of output.
    pub after: usize,
}

impl Cut {
    /// After so many bytes of the outputs of a session.
    pub const fn after(after: usize) -> Self {
        Self { command: None, after }
    }

    /// After so many bytes of the output of commands that start with `command`.
    pub fn in_output_of(command: impl Into<String>, after: usize) -> Self {
        Self { command: Some(command.into()), after }
    }
}

/// A log message that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// The message.
    pub text: String,
    /// Where it appears.
    pub place: LogPlace,
    /// For `output`: after so many bytes of it.
    #[serde(default)]
    pub after: usize,
}

/// Where a log message appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPlace {
    /// In the middle of each command's output.
    Output,
    /// Behind the prompt that follows a command; the prompt is not printed again.
    Prompt,
    /// Behind the prompt that follows a command; the prompt is printed again.
    PromptAndRedraw,
}

/// What a device does about the privileged password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enable {
    /// Asks for it and takes the right one; asks nothing where the device has none.
    #[default]
    Normal,
    /// Refuses every password.
    Rejects,
    /// Asks nothing.
    AsksNothing,
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}
