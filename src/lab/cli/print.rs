//! What a session prints: prompts, texts with their placeholders, output.

use super::super::faults::LogPlace;
use super::{Action, Cli, State};

impl Cli {
    /// What stands before the prompt, and the prompt.
    pub(super) fn prompt_text(&self) -> (String, String) {
        let Some(mode) = self.mode() else { return (String::new(), "> ".to_owned()) };
        if let Some(prompt) = &self.own_prompt {
            return (self.expand(&mode.before), prompt.clone());
        }
        let limit = mode.hostname_limit.unwrap_or(usize::MAX);
        let hostname: String = self.chassis.configuration.hostname().chars().take(limit).collect();
        let prompt = mode.prompt.replace("{hostname}", &hostname);
        (self.expand(&mode.before), self.expand(&prompt))
    }

    /// Prints the prompt after a command.
    pub(super) fn prompt(&mut self) {
        let (before, prompt) = self.prompt_text();
        self.say(&before);
        self.show_mode_prompt(&prompt);
    }

    /// Prints a mode's prompt, with all that the device wraps it in.
    pub(super) fn show_mode_prompt(&mut self, prompt: &str) {
        if self.personality.editor.bracketed_paste {
            self.write(b"\x1b[?2004h");
        }
        let painted = self.painted(prompt);
        self.show_prompt(&painted);
    }

    /// A mode's prompt in the colours it comes in.
    pub(super) fn painted(&self, prompt: &str) -> String {
        let by_mode = self.mode().is_some_and(|mode| mode.prompt_color);
        // RouterOS leaves colours out for a user who logs in with the option `c`.
        let is_plain = !by_mode || self.identity.options.contains('c');
        if is_plain && !self.faults.prompt_color {
            return prompt.to_owned();
        }
        let text = prompt.trim_end();
        let blanks = prompt.get(text.len()..).unwrap_or_default();
        format!("\x1b[1;32m{text}\x1b[0m{blanks}")
    }

    pub(super) fn show_prompt(&mut self, prompt: &str) {
        self.state = State::Prompt;
        self.editor.start(columns(prompt));
        self.say(prompt);
    }

    /// Prints the prompt after a command that was not empty: the moment of the log line.
    pub(super) fn prompt_after_command(&mut self) {
        self.prompt();
        let Some(log) = self.faults.log_line.clone() else { return };
        if matches!(log.place, LogPlace::Prompt | LogPlace::PromptAndRedraw) {
            self.say(&format!("\n{}\n", log.text));
        }
        if log.place == LogPlace::PromptAndRedraw {
            let prompt = self.painted(&self.prompt_text().1);
            self.say(&prompt);
        }
    }

    pub(super) fn expand(&self, text: &str) -> String {
        let argument = &self.mode_argument;
        let role = &self.identity.role;
        let role_line = if role.is_empty() { String::new() } else { format!("{role}\n") };
        let text = text.replace("{session}", &self.session_mark());
        let text = self.with_hostname(&text);
        text.replace("{window}", &self.window_text(text.contains("{window}")))
            .replace("{user}", &self.identity.user)
            .replace("{role}", role)
            .replace("{role_line}", &role_line)
            .replace("{mode_argument}", argument)
            .replace("{mode_short}", &shortened(argument))
    }

    fn with_hostname(&self, text: &str) -> String {
        if !text.contains("{hostname}") {
            return text.to_owned();
        }
        text.replace("{hostname}", &self.chassis.configuration.hostname())
    }

    /// The columns the prompt takes.
    pub(super) fn prompt_columns(&self) -> usize {
        columns(&self.prompt_text().1)
    }

    /// What a configuration session adds to the prompts.
    fn session_mark(&self) -> String {
        let Some(name) = &self.session else { return String::new() };
        format!("-s-{}", name.chars().take(6).collect::<String>())
    }

    /// What stands before each prompt while a commit waits to be confirmed.
    fn window_text(&self, wanted: bool) -> String {
        let minutes = wanted.then(|| self.chassis.configuration.minutes_left()).flatten();
        let Some(minutes) = minutes else { return String::new() };
        let text = self.chassis.configuration.spec().text("window");
        text.replace("{minutes}", &minutes.to_string())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(Action::Write(last)) = self.actions.last_mut() {
            last.extend(bytes);
        } else {
            self.actions.push(Action::Write(bytes.to_vec()));
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        let text = text.replace('\n', &self.personality.newline);
        self.write(text.as_bytes());
    }

    pub(super) fn output(&mut self, command: String, text: &str) {
        if !text.is_empty() {
            let bytes = text.replace('\n', &self.personality.newline).into_bytes();
            self.actions.push(Action::Output { command, bytes });
        }
    }
}

/// The columns a prompt takes.
pub(super) fn columns(prompt: &str) -> usize {
    let mut is_sequence = false;
    let mut columns = 0;
    for character in prompt.lines().last().unwrap_or_default().chars() {
        if is_sequence {
            is_sequence = !character.is_ascii_alphabetic();
        } else if character == '\u{1b}' {
            is_sequence = true;
        } else if !character.is_control() {
            columns += 1;
        }
    }
    columns
}

/// `Ethernet1` as EOS shortens it in prompts: `Et1`.
fn shortened(name: &str) -> String {
    let letters = name.chars().take_while(|c| !c.is_ascii_digit()).take(2);
    letters.chain(name.chars().skip_while(|c| !c.is_ascii_digit())).collect()
}
