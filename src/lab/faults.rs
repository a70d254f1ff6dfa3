//! The faults a simulated device can be given. None is on by default.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// What is wrong with a device. Settable in code and, with the same field names, in TOML.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each fault is switched on by itself")]
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
    /// Lines of configuration it refuses though it knows them.
    pub rejects: Vec<Rejection>,
    /// Drops the connection, once, at a line it receives.
    pub cut_at: Option<CutAt>,
    /// Drops every connection, once, when it has taken so many lines on any of them since it was
    /// started, before it answers the last one. Passwords, answers and empty lines count.
    pub cut_after_lines: Option<usize>,
    /// Takes a confirmation for what it is not: the timer goes on.
    pub ignores_confirm: bool,
    /// Waits this long before it answers a commit or a confirmation, which took effect at once.
    #[serde(rename = "commit_delay_ms", deserialize_with = "milliseconds")]
    pub commit_delay: Duration,
    /// What becomes of a configuration that should come back, on demand or when a timer ran out.
    pub rollback: Rollback,
    /// Asks for the user and the password again, inside the shell.
    pub second_login: bool,
    /// Asks, before the first prompt, whether one wants to read the licence.
    pub license: bool,
    /// Asks, before the first prompt, for a new password.
    pub change_password: bool,
    /// Takes an unknown first word for a host name and looks it up without end, on platforms that
    /// do.
    pub dns_lookup: bool,
    /// Questions in front of the output of commands.
    pub asks: Vec<Question>,
    /// Paints every prompt in colour.
    pub prompt_color: bool,
    /// What it says first on a connection.
    pub greeting: Greeting,
    /// Sends lines of this many bytes in all before its identification.
    pub lines_before_ident: usize,
    /// Sends one byte in this time on every connection, whatever it is part of.
    #[serde(rename = "trickle_ms", deserialize_with = "milliseconds")]
    pub trickle: Duration,
    /// Drops a connection when it has sent this many bytes on it, SSH's own included.
    pub drop_after_bytes: Option<u64>,
    /// Falls silent, as a host that lost power, when it has sent this many bytes on a connection.
    pub silent_after_bytes: Option<u64>,
    /// Resets the connections that it drops instead of closing them, over TCP.
    pub resets: bool,
    /// What it does about requests to log in.
    pub authentication: Authentication,
    /// Waits this long before it refuses a login, as servers do that ask another one.
    #[serde(rename = "refusal_delay_ms", deserialize_with = "milliseconds")]
    pub refusal_delay: Duration,
    /// Sends an SSH authentication banner of this many bytes.
    pub auth_banner_bytes: Option<usize>,
    /// Disconnects a client of which it refused so many requests to log in, probes included,
    /// instead of judging the next one.
    pub max_auth_attempts: Option<usize>,
    /// Takes RSA keys of users with SHA-1 only, though it announces SHA-2.
    pub rsa_sha1_only: bool,
    /// How many session channels it lets a connection have at once, where that is fewer than the
    /// platform does.
    pub max_sessions: Option<usize>,
    /// Answers nothing below its shell while it waits for a command: keepalives above all. The
    /// answers come with the next output.
    pub ignores_keepalives: bool,
    /// Wants new keys whenever it has sent this many bytes.
    pub rekey_every_bytes: Option<usize>,
    /// Disconnects in the words of SSH in the middle of output.
    pub disconnect: Option<Cut>,
    /// Goes on with one byte a second in the middle of output.
    pub crawl: Option<Cut>,
    /// Loses power in the middle of output: the connection stays up and is dead.
    pub vanish: Option<Cut>,
}

/// What a device says first on a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Greeting {
    /// Its identification, and SSH behind it.
    #[default]
    Ident,
    /// Nothing, ever.
    Nothing,
    /// Bytes that are no text, and then nothing.
    Noise,
    /// This text, and then nothing.
    Text(String),
    /// What a web server says to a request it does not understand, and it closes.
    WebPage,
    /// Its identification, and then nothing: no key exchange.
    IdentOnly,
    /// Its identification, and it closes.
    IdentAndClose,
}

/// What a device does about requests to log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// Judges them.
    #[default]
    Normal,
    /// Never answers one.
    Silent,
    /// Closes the connection at the first one.
    Closes,
}

/// A question in front of a command's output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Question {
    /// How the command starts.
    pub command: String,
    /// What it asks.
    pub prompt: String,
    /// Answers, in lower case, that let the command go on; any answer where there are none.
    pub yes: Vec<String>,
    /// Whether one key is the answer, without Enter.
    pub key: bool,
}

/// What becomes of a configuration that should come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollback {
    /// It comes back.
    #[default]
    Works,
    /// It does not, and on demand the device says so.
    Fails,
}

/// A line of configuration that a device refuses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// How the line starts; at a commit, what a statement contains, sections included.
    pub line: String,
    /// What the device says, `{line}` being the line; its usual words where absent.
    #[serde(default)]
    pub text: Option<String>,
    /// When it says so.
    #[serde(default)]
    pub at: RejectedAt,
}

impl Rejection {
    /// Refuses lines that start with `line` as soon as they are typed.
    pub fn of(line: impl Into<String>) -> Self {
        Self { line: line.into(), text: None, at: RejectedAt::Line }
    }

    /// Refuses to commit statements that contain `line`.
    pub fn at_commit(line: impl Into<String>) -> Self {
        Self { at: RejectedAt::Commit, ..Self::of(line) }
    }

    /// In these words.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }
}

/// When a device refuses a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectedAt {
    /// When it is typed.
    #[default]
    Line,
    /// When it is committed or checked.
    Commit,
}

/// A received line at which a connection is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutAt {
    /// Counts only lines that start like this.
    #[serde(default)]
    pub line: String,
    /// Counts only lines received in configuration mode.
    #[serde(default)]
    pub in_configuration: bool,
    /// Which of the lines counted, from one.
    #[serde(default = "first")]
    pub nth: usize,
    /// On which side of its effect. Its answer is lost either way.
    pub when: When,
}

impl CutAt {
    /// At the first line that starts like this.
    pub fn line(line: impl Into<String>, when: When) -> Self {
        Self { line: line.into(), in_configuration: false, nth: 1, when }
    }

    /// At the n-th line received in configuration mode.
    pub const fn configuration_line(nth: usize, when: When) -> Self {
        Self { line: String::new(), in_configuration: true, nth, when }
    }
}

/// A side of a line's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The line has no effect.
    Before,
    /// The line took effect.
    After,
}

const fn first() -> usize {
    1
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
    /// Once, and at Enter it goes back over the last word and paints it again.
    Repainted,
    /// Wrapped after 80 columns as line editors of the readline kind do, however wide the terminal.
    Wrapped,
    /// Scrolled behind a `$` after 80 columns as on IOS, however wide the terminal.
    Scrolled,
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
    /// For `output`: after so many bytes of it. For `echo`: after so many, at least one.
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
    /// In the middle of each command's echo, which goes on behind it.
    Echo,
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
