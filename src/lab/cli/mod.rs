//! The CLI of a simulated device: bytes in, actions out.
//!
//! **Invariants:** pure (no clock, no I/O), and independent of how the bytes are cut: the actions'
//! bytes are the same for one call or for one call per byte. It shares nothing with the driver.

mod answer;
mod candidate;
mod configure;
mod finish;
mod load;
mod login;
mod pager;
mod print;
mod run;
#[cfg(test)]
mod tests;
mod typing;

use std::sync::Arc;
use std::time::Duration;

use self::load::Load;
use self::login::Login;
use self::pager::Pager;
use self::run::Pending;
use super::chassis::Chassis;
use super::faults::{Denial, Faults, When};
use super::keys::{Decoder, Key, LineEditor};
use super::observed::{LineKind, ReceivedLine};
use super::personality::{Mode, Personality};

/// Longest line a device takes.
const LINE_LIMIT: usize = 8192;
const DEFAULT_WIDTH: usize = 80;
const DEFAULT_HEIGHT: usize = 24;

/// What a CLI wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Bytes of the dialogue: echo, prompts, questions.
    Write(Vec<u8>),
    /// Bytes of a command's output.
    Output { command: String, bytes: Vec<u8> },
    /// The device thinks.
    Wait(Duration),
    /// Output that was not sent so far is given up.
    Interrupted,
    /// Something to note for the tests.
    Note(Note),
    /// The connection is gone, or all of the device's.
    Cut { all: bool },
    /// The session is over.
    Close,
}

/// Something a test may ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    Line(ReceivedLine),
    Interrupt,
    PagerAnswer,
}

/// Who this device is to its CLI.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) user: String,
    /// What Junos prints before the prompt of a member or routing engine.
    pub(super) role: String,
    pub(super) enable_secret: Option<String>,
    /// What the user logs in with, where a device asks for it again.
    pub(super) password: String,
    /// What followed the user's name, on devices that take options of the console there.
    pub(super) options: String,
}

/// One session of a simulated device.
#[derive(Debug)]
pub(super) struct Cli {
    personality: Arc<Personality>,
    faults: Arc<Faults>,
    chassis: Arc<Chassis>,
    identity: Identity,
    /// What the chassis knows this session by.
    id: u64,
    /// The sections around the lines that are typed.
    path: Vec<String>,
    /// The configuration session that is edited.
    session: Option<String>,
    /// The statements around those that are typed, and how many there were before each `edit`.
    levels: Vec<Vec<String>>,
    before_edits: Vec<usize>,
    mode: String,
    /// What followed the command that entered the mode, such as an interface's name.
    mode_argument: String,
    width: usize,
    height: usize,
    paging: bool,
    /// Whether commands start their output with the personality's header.
    /// A prompt that the user chose, until the mode is left.
    own_prompt: Option<String>,
    header: bool,
    complete_on_space: bool,
    decoder: Decoder,
    editor: LineEditor,
    raw: Vec<u8>,
    state: State,
    actions: Vec<Action>,
}

#[derive(Debug)]
enum State {
    /// A command line is being typed.
    Prompt,
    /// Questions before the first prompt.
    LoggingIn(Login),
    Pager(Pager),
    /// A question waits for its answer.
    Asking(Pending),
    /// The privileged password is awaited, for the n-th time.
    Password(Pending, u32),
    /// Output goes on until it is interrupted; so many lines were printed.
    Endless(Pending, u64),
    /// A text is loaded.
    Loading(Load),
    /// A command never finishes.
    Hung,
    /// A word is looked up as a host name, which never finishes either.
    LookingUp,
    Closed,
}

impl Cli {
    pub(super) fn new(
        personality: Arc<Personality>,
        faults: Arc<Faults>,
        chassis: Arc<Chassis>,
        identity: Identity,
        (columns, rows): (u32, u32),
    ) -> Self {
        let mut cli = Self {
            mode: personality.login_mode.clone(),
            mode_argument: String::new(),
            width: DEFAULT_WIDTH,
            height: DEFAULT_HEIGHT,
            paging: personality.paging.on || faults.paging_stays_on,
            own_prompt: None,
            header: true,
            complete_on_space: personality.editor.complete_on_space,
            decoder: Decoder::default(),
            editor: LineEditor::default(),
            raw: Vec::new(),
            state: State::Prompt,
            actions: Vec::new(),
            id: chassis.configuration.new_session(),
            path: Vec::new(),
            session: None,
            levels: Vec::new(),
            before_edits: Vec::new(),
            personality,
            faults,
            chassis,
            identity,
        };
        cli.resize(columns, rows);
        cli
    }

    /// The terminal has this size; zero stands for the usual one.
    pub(super) fn resize(&mut self, columns: u32, rows: u32) {
        let size = |given: u32, usual| match usize::try_from(given) {
            Ok(0) | Err(_) => usual,
            Ok(given) => given,
        };
        self.width = self.option('w').unwrap_or_else(|| size(columns, DEFAULT_WIDTH));
        let fixed = self.personality.paging.height.or_else(|| self.option('h'));
        self.height = fixed.unwrap_or_else(|| size(rows, DEFAULT_HEIGHT));
    }

    /// What the device prints when a session starts.
    pub(super) fn start(&mut self) -> Vec<Action> {
        if self.faults.denies == Denial::Shell {
            self.close();
            return std::mem::take(&mut self.actions);
        }
        if !self.faults.login_delay.is_zero() {
            self.actions.push(Action::Wait(self.faults.login_delay));
        }
        self.log_in(Login::new(&self.personality, &self.faults));
        std::mem::take(&mut self.actions)
    }

    /// What follows the last question, or the login itself.
    fn greet(&mut self) {
        let motd = self.faults.motd.as_ref().unwrap_or(&self.personality.motd).clone();
        let motd = self.expand(&motd);
        self.say(&motd);
        let (before, prompt) = self.prompt_text();
        self.say(before.trim_start_matches('\n'));
        self.show_mode_prompt(&prompt);
    }

    /// Takes received bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Action> {
        for byte in bytes {
            let key = self.decoder.decode(*byte);
            if key != Some(Key::Enter)
                && !matches!(byte, b'\r' | b'\n')
                && self.raw.len() < LINE_LIMIT
            {
                self.raw.push(*byte);
            }
            if let Some(key) = key {
                self.receive(key);
            }
        }
        std::mem::take(&mut self.actions)
    }

    /// Takes a key; where a fault says so, the line it ends is the last one.
    fn receive(&mut self, key: Key) {
        if key != Key::Enter || matches!(self.state, State::Closed) {
            return self.press(key);
        }
        let line = self.editor.text();
        let configuring = self.mode().is_some_and(|mode| mode.depth.is_some());
        let Some(ends) = self.chassis.count(&self.faults, &line, configuring) else {
            return self.press(key);
        };
        match ends.when {
            When::Before => {
                self.take_line(LineKind::Ignored);
            }
            When::After => {
                let before = std::mem::take(&mut self.actions);
                self.press(key);
                let answered = std::mem::replace(&mut self.actions, before);
                // What it says is lost with the connection; what a test may ask about is not.
                let notes = answered.into_iter().filter(|a| matches!(a, Action::Note(_)));
                self.actions.extend(notes);
            }
        }
        self.state = State::Closed;
        self.actions.push(Action::Cut { all: ends.all });
    }

    /// How often [`Self::tick`] is due, while output goes on by itself.
    pub(super) fn tick_interval(&self) -> Option<Duration> {
        match &self.state {
            State::Endless(pending, _) => {
                pending.command.endless.as_ref().map(|endless| endless.every)
            }
            _ => None,
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) -> Vec<Action> {
        if let State::Endless(pending, count) = &mut self.state {
            *count += 1;
            let line = pending.endless_text(*count, |endless| &endless.line);
            let (command, line) = (pending.line.clone(), self.expand(&line));
            self.output(command, &line);
        }
        std::mem::take(&mut self.actions)
    }

    fn mode(&self) -> Option<&Mode> {
        self.personality.modes.get(&self.mode)
    }

    fn enter_mode(&mut self, mode: String, argument: String) {
        self.own_prompt = None;
        self.mode = mode;
        self.mode_argument = argument;
        match self.mode().and_then(|mode| mode.depth) {
            Some(depth) => self.path.truncate(depth),
            None => self.leave_configuration(),
        }
    }

    fn leave_configuration(&mut self) {
        self.path.clear();
        self.session = None;
        self.levels.clear();
        self.before_edits.clear();
        self.chassis.configuration.end_session(self.id);
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.actions.push(Action::Close);
    }

    fn note(&mut self, note: Note) {
        self.actions.push(Action::Note(note));
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        self.leave_configuration();
    }
}
