//! Answers to what a session asks: questions, the privileged password, the pager.

use super::super::faults::Enable;
use super::super::keys::{Key, Wrap};
use super::super::observed::LineKind;
use super::pager::Pager;
use super::run::Pending;
use super::{Cli, Note, State};

impl Cli {
    pub(super) fn press_at_question(&mut self, key: Key, mut pending: Pending) {
        let by_key = pending.command.asks.get(pending.asked).is_some_and(|ask| ask.key);
        match key {
            Key::Enter => self.say("\n"),
            Key::Char(_) if by_key => {
                self.edit(key);
                self.say("\n");
            }
            _ => {
                self.state = State::Asking(pending);
                return self.edit(key);
            }
        }
        let answer = self.take_line(LineKind::Answer).trim().to_ascii_lowercase();
        let Some(ask) = pending.command.asks.get(pending.asked) else {
            return self.proceed(pending);
        };
        if ask.yes.is_empty() || ask.yes.contains(&answer) {
            pending.asked += 1;
            return self.proceed(pending);
        }
        let refused = ask.refused.clone();
        self.say(&refused);
        self.prompt_after_command();
    }

    pub(super) fn press_at_password(&mut self, key: Key, mut pending: Pending, attempt: u32) {
        if key != Key::Enter {
            if let Key::Char(byte) = key {
                // A password is never echoed, and never repainted.
                self.editor.insert(byte, 0, Wrap::None);
                let mask = self.personality.password.mask.clone();
                self.write(mask.as_bytes());
            }
            self.state = State::Password(pending, attempt);
            return;
        }
        let typed = self.take_line(LineKind::Password);
        self.say("\n");
        let right = self.identity.enable_secret.as_ref().is_some_and(|secret| *secret == typed);
        if right && self.faults.enable != Enable::Rejects {
            pending.authenticated = true;
            return self.proceed(pending);
        }
        let dialog = self.personality.password.clone();
        if attempt < dialog.attempts {
            self.say(&dialog.retry);
            self.show_prompt(&dialog.prompt);
            self.state = State::Password(pending, attempt + 1);
            return;
        }
        self.say(&dialog.failure);
        self.prompt_after_command();
    }

    pub(super) fn next_page(&mut self, mut pager: Pager, lines: usize) {
        let text = pager.take(lines);
        self.output(pager.command.clone(), &text);
        if pager.is_empty() {
            return self.prompt_after_command();
        }
        let paging = &self.personality.paging;
        let first = paging.first_prompt.as_ref().filter(|_| pager.is_first_page());
        let prompt = first.unwrap_or(&paging.prompt);
        let prompt = prompt.replace("{percent}", &pager.percent().to_string());
        self.write(prompt.as_bytes());
        self.state = State::Pager(pager);
    }

    pub(super) fn press_at_pager(&mut self, key: Key, pager: Pager) {
        self.raw.clear();
        let lines = match key {
            Key::Char(b' ') => Some(self.height.saturating_sub(1).max(1)),
            Key::Enter => Some(1),
            Key::Char(b'q' | b'Q') => None,
            _ if self.personality.paging.other_key_quits => None,
            _ => {
                self.state = State::Pager(pager);
                return;
            }
        };
        self.note(Note::PagerAnswer);
        let erase = self.personality.paging.erase.clone();
        self.write(erase.as_bytes());
        if let Some(lines) = lines {
            return self.next_page(pager, lines);
        }
        let quit = self.personality.paging.quit.clone();
        self.say(&quit);
        self.prompt_after_command();
    }
}
