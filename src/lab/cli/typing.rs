//! What each key press does in each state.

use super::super::faults::{Echo, LogPlace};
use super::super::keys::{Key, Wrap};
use super::super::observed::{LineKind, ReceivedLine};
use super::super::personality::Repaint;
use super::print::columns;
use super::{Action, Cli, LINE_LIMIT, Note, State};

/// Where the faults of the echo see the right margin.
const NARROW: usize = 80;

impl Cli {
    pub(super) fn press(&mut self, key: Key) {
        if key == Key::Interrupt {
            self.note(Note::Interrupt);
            return self.interrupt();
        }
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Prompt => {
                self.state = State::Prompt;
                self.press_at_prompt(key);
            }
            State::LoggingIn(login) => self.press_while_logging_in(key, login),
            State::Pager(pager) => self.press_at_pager(key, pager),
            State::Asking(pending) => self.press_at_question(key, pending),
            State::Password(pending, attempt) => self.press_at_password(key, pending, attempt),
            busy @ (State::Hung | State::LookingUp | State::Endless(..)) => {
                self.state = busy;
                if key == Key::Enter {
                    self.take_line(LineKind::Ignored);
                }
            }
            State::Loading(load) => self.press_while_loading(key, load),
            State::Closed => {}
        }
    }

    fn press_at_prompt(&mut self, key: Key) {
        match key {
            Key::Enter => self.enter_line(),
            Key::End => {
                if let Some(end) = self.mode().and_then(|mode| mode.end.clone()) {
                    self.say("^Z\n");
                    self.take_line(LineKind::Ignored);
                    self.enter_mode(end, String::new());
                    self.prompt();
                }
            }
            Key::Redraw => {
                let prompt = self.painted(&self.prompt_text().1);
                let line = self.editor.text();
                self.say(&format!("\n{prompt}{line}"));
            }
            Key::Char(b' ') if self.complete_on_space => {
                let line = self.editor.text();
                if !line.ends_with(' ')
                    && let Some(rest) = self.completion(&line)
                {
                    for byte in rest.bytes() {
                        self.edit(Key::Char(byte));
                    }
                }
                self.edit(key);
            }
            _ => self.edit(key),
        }
    }

    /// Changes the line being typed and echoes the change.
    pub(super) fn edit(&mut self, key: Key) {
        let echo = match key {
            Key::Char(_) if self.editor.len() >= LINE_LIMIT => b"\x07".to_vec(),
            Key::Char(byte) => {
                let (width, wrap) = match self.faults.echo {
                    Echo::Wrapped => (NARROW, Wrap::Readline),
                    Echo::Scrolled => (NARROW, Wrap::Scroll),
                    _ => (self.width, self.personality.editor.wrap),
                };
                self.editor.insert(byte, width, wrap)
            }
            Key::Backspace => self.editor.backspace(),
            Key::KillLine => self.editor.kill_line(),
            Key::KillWord => self.editor.kill_word(),
            _ => return,
        };
        let at_prompt = matches!(self.state, State::Prompt);
        if self.faults.echo == Echo::Off {
        } else if at_prompt && self.personality.editor.repaint == Repaint::Line {
            self.redraw_line();
        } else {
            self.write(&echo);
        }
        if at_prompt && matches!(key, Key::Char(_)) {
            self.interrupt_echo();
        }
    }

    /// Paints the prompt and the line being typed over themselves.
    fn redraw_line(&mut self) {
        let prompt = self.painted(&self.prompt_text().1);
        let prompt = prompt.rsplit('\n').next().unwrap_or_default();
        let mut bytes = format!("\r{prompt}").into_bytes();
        bytes.extend(self.editor.bytes());
        bytes.extend(b"\x1b[K");
        self.write(&bytes);
    }

    /// The moment of a log line in the middle of the echo.
    fn interrupt_echo(&mut self) {
        let log = self.faults.log_line.as_ref().filter(|log| log.place == LogPlace::Echo);
        let log = log.filter(|log| log.after.max(1) == self.editor.len());
        if let Some(text) = log.map(|log| format!("\n{}\n", log.text)) {
            self.say(&text);
        }
    }

    /// What the device does to the line on the screen before it takes it.
    fn repaint_at_enter(&mut self) {
        let repaint = self.personality.editor.repaint;
        if repaint == Repaint::Line {
            self.redraw_line();
        } else if repaint == Repaint::Backspace || self.faults.echo == Echo::Repainted {
            let word = self.editor.repaint_word();
            self.write(&word);
        }
    }

    fn enter_line(&mut self) {
        if self.faults.echo != Echo::Off {
            self.repaint_at_enter();
        }
        let line = self.take_line(LineKind::Command);
        if self.faults.echo != Echo::Off {
            let end = self.personality.editor.enter.clone();
            self.write(end.unwrap_or_else(|| self.personality.newline.clone()).as_bytes());
        }
        if self.personality.editor.bracketed_paste {
            self.write(b"\x1b[?2004l\r");
        }
        let (_, prompt) = self.prompt_text();
        if self.faults.echo == Echo::Twice && !line.is_empty() {
            let painted = self.painted(&prompt);
            self.say(&format!("{painted}{line}\n"));
        }
        self.editor.start(columns(&prompt));
        if line.trim().is_empty() {
            return self.prompt();
        }
        self.run(line.trim_end());
    }

    fn interrupt(&mut self) {
        self.actions.push(Action::Interrupted);
        let text = self.personality.editor.interrupt.clone();
        match std::mem::replace(&mut self.state, State::Prompt) {
            State::Closed => self.state = State::Closed,
            busy @ (State::Hung | State::LookingUp | State::Endless(..))
                if self.faults.ignores_interrupt =>
            {
                self.state = busy;
            }
            State::LoggingIn(login) => {
                self.say(&format!("{text}\n"));
                self.log_in(login);
            }
            State::LookingUp => {
                let failed = self.personality.errors.lookup_failed.clone();
                self.say(&format!("{text}{failed}"));
                self.prompt();
            }
            State::Endless(pending, count) => {
                let summary = pending.endless_text(count, |endless| &endless.summary);
                self.say(&format!("{text}{summary}"));
                self.prompt();
            }
            State::Pager(_) => {
                let erase = self.personality.paging.erase.clone();
                self.write(erase.as_bytes());
                self.say(&format!("{text}\n"));
                self.prompt();
            }
            State::Prompt => {
                self.say(&format!("{text}\n"));
                let end = self
                    .mode()
                    .filter(|mode| mode.interrupt_ends)
                    .and_then(|mode| mode.end.clone());
                if let Some(end) = end {
                    self.enter_mode(end, String::new());
                }
                self.prompt();
            }
            State::Asking(_) | State::Password(..) | State::Loading(_) | State::Hung => {
                self.say(&format!("{text}\n"));
                self.prompt();
            }
        }
        self.raw.clear();
    }

    /// Ends the line being typed and notes it.
    pub(super) fn take_line(&mut self, kind: LineKind) -> String {
        let text = self.editor.text();
        let raw = std::mem::take(&mut self.raw);
        self.note(Note::Line(ReceivedLine {
            raw,
            text: text.clone(),
            kind,
            mode: self.mode.clone(),
        }));
        self.editor.start(0);
        text
    }
}
