//! Questions inside the shell, before the first prompt.

use super::super::faults::Faults;
use super::super::keys::{Key, Wrap};
use super::super::observed::LineKind;
use super::super::personality::{LoginQuestion, Personality, Switch, Wants};
use super::{Cli, State};

/// Wrong answers after which the session ends.
const ATTEMPTS: u32 = 3;

/// How far a session is with its questions.
#[derive(Debug)]
pub(super) struct Login {
    questions: Vec<LoginQuestion>,
    asked: usize,
    wrong: u32,
    /// The user name given last, where one was asked for.
    user: Option<String>,
}

impl Login {
    pub(super) fn new(personality: &Personality, faults: &Faults) -> Self {
        let is_on = |switch: Switch| match switch {
            Switch::SecondLogin => faults.second_login,
            Switch::License => faults.license,
            Switch::ChangePassword => faults.change_password,
        };
        let own = &personality.login;
        let generic = Switch::ALL
            .into_iter()
            .filter(|switch| is_on(*switch))
            .filter(|switch| !own.iter().any(|question| question.only_with == Some(*switch)));
        let asked = own.iter().filter(|question| question.only_with.is_none_or(is_on)).cloned();
        let questions = asked.chain(generic.flat_map(Switch::generic)).collect();
        Self { questions, asked: 0, wrong: 0, user: None }
    }

    fn question(&self) -> Option<&LoginQuestion> {
        self.questions.get(self.asked)
    }

    /// Where to start over after a wrong answer: a password belongs to the name asked before it.
    fn start_over(&self) -> usize {
        let before = self.asked.saturating_sub(1);
        let is_name = self.questions.get(before).is_some_and(|q| q.wants == Wants::Username);
        if is_name { before } else { self.asked }
    }
}

impl Cli {
    /// Asks the next question, or lets the user in.
    pub(super) fn log_in(&mut self, login: Login) {
        let Some(question) = login.question() else { return self.greet() };
        let prompt = self.expand(&question.prompt);
        self.show_prompt(&prompt);
        self.state = State::LoggingIn(login);
    }

    pub(super) fn press_while_logging_in(&mut self, key: Key, mut login: Login) {
        let Some(question) = login.question().cloned() else { return self.greet() };
        match key {
            Key::Enter => {}
            Key::Char(byte) if question.is_hidden() => {
                self.editor.insert(byte, 0, Wrap::None);
                if !question.key {
                    self.state = State::LoggingIn(login);
                    return;
                }
            }
            Key::Char(_) if question.key => self.edit(key),
            _ => {
                self.state = State::LoggingIn(login);
                return self.edit(key);
            }
        }
        let answer = self.take_line(LineKind::Login);
        self.say("\n");
        if self.is_right(&question, &answer, &login) {
            if question.wants == Wants::Username {
                login.user = Some(answer);
            }
            login.asked += 1;
            return self.log_in(login);
        }
        let refused = self.expand(&question.refused);
        self.say(&refused);
        login.wrong += 1;
        if login.wrong >= ATTEMPTS {
            return self.close();
        }
        login.asked = login.start_over();
        self.log_in(login);
    }

    fn is_right(&self, question: &LoginQuestion, answer: &str, login: &Login) -> bool {
        match question.wants {
            // A wrong name is refused with the password, so as not to tell which names exist.
            Wants::Username => {
                let next = login.questions.get(login.asked + 1);
                next.is_some_and(|next| next.wants == Wants::Password)
                    || answer == self.identity.user
            }
            Wants::Password => {
                answer == self.identity.password
                    && login.user.as_ref().is_none_or(|user| *user == self.identity.user)
            }
            Wants::Any => {
                let answer = answer.trim();
                question.yes.is_empty()
                    || question.yes.iter().any(|yes| yes.eq_ignore_ascii_case(answer))
            }
            Wants::None => true,
        }
    }

    /// A number among the options of the console: `w` for columns, `h` for rows.
    pub(super) fn option(&self, letter: char) -> Option<usize> {
        let (before, _) = self.identity.options.split_once(letter)?;
        let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }
}
