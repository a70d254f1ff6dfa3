//! What each key press does in each state.

use super::super::faults::Echo;
use super::super::keys::Key;
use super::super::observed::{LineKind, ReceivedLine};
use super::print::columns;
use super::{Action, Cli, LINE_LIMIT, Note, State};

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
            State::Pager(pager) => self.press_at_pager(key, pager),
            State::Asking(pending) => self.press_at_question(key, pending),
            State::Password(pending, attempt) => self.press_at_password(key, pending, attempt),
            busy @ (State::Hung | State::Endless(..)) => {
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
                let (_, prompt) = self.prompt_text();
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
            Key::Char(byte) => self.editor.insert(byte, self.width, self.personality.editor.wrap),
            Key::Backspace => self.editor.backspace(),
            Key::KillLine => self.editor.kill_line(),
            Key::KillWord => self.editor.kill_word(),
            _ => return,
        };
        if self.faults.echo != Echo::Off {
            self.write(&echo);
        }
    }

    fn enter_line(&mut self) {
        let line = self.take_line(LineKind::Command);
        if self.faults.echo != Echo::Off {
            self.say("\n");
        }
        let (_, prompt) = self.prompt_text();
        if self.faults.echo == Echo::Twice && !line.is_empty() {
            self.say(&format!("{prompt}{line}\n"));
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
            busy @ (State::Hung | State::Endless(..)) if self.faults.ignores_interrupt => {
                self.state = busy;
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
