//! `keyboard-interactive`: the server asks, and each question is answered once or not at all.

use std::collections::HashSet;

use russh::client::{KeyboardInteractiveAuthResponse as Step, Prompt};

use super::{Attempt, Verdict};
use crate::credential::LoginProof;
use crate::transport::TransportError;

/// More rounds than any device asks.
const MOST_ROUNDS: usize = 16;

/// What servers say when a password must be changed before anything else, in lower case (`PAM`,
/// and the servers of vendors that ask in their own words).
const CHANGES: &[&str] = &[
    "new password",
    "current password",
    "old password",
    "change your password",
    "changing password",
    "(current)",
];

/// Whether the password went out in this dialog, and as the answer to what.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Password {
    Unsent,
    Sent(String),
}

impl Attempt<'_> {
    pub(super) async fn answer_questions(&mut self) -> Result<Verdict, TransportError> {
        let username = self.login.username.clone();
        let mut password = Password::Unsent;
        let mut answered = HashSet::new();
        let mut step = self.handle.authenticate_keyboard_interactive_start(username, None).await;
        for _ in 0..MOST_ROUNDS {
            let prompts = match step {
                Ok(Step::Success) => return Ok(Verdict::Accepted),
                Ok(Step::Failure { remaining_methods, partial_success }) => {
                    return Ok(Verdict::NotYet {
                        remaining: remaining_methods,
                        partial: partial_success,
                    });
                }
                Ok(Step::InfoRequest { prompts, .. }) => prompts,
                // The library says so when the connection ended instead of an answer.
                Err(russh::Error::RecvError | russh::Error::SendError) => {
                    return Err(self.ended().await);
                }
                Err(error) => return Err(error.into()),
            };
            // An empty request is answered with an empty answer (RFC 4256, 3.4).
            let mut answers = Vec::with_capacity(prompts.len());
            for prompt in &prompts {
                answers.push(self.answer(prompt, &mut password, &mut answered)?);
            }
            step = self.handle.authenticate_keyboard_interactive_respond(answers).await;
        }
        Err(self.refused())
    }

    /// The answer to one question: the operator's, the platform's, or the password where what is
    /// typed is hidden.
    fn answer(
        &self,
        prompt: &Prompt,
        password: &mut Password,
        answered: &mut HashSet<String>,
    ) -> Result<String, TransportError> {
        let question = prompt.prompt.to_lowercase();
        let own = self.login.answers.iter().find(|(part, _)| question.contains(part.as_str()));
        if let Some((_, answer)) = own {
            // A hidden question that comes back was answered wrongly.
            if !prompt.echo && !answered.insert(question) {
                return Err(self.refused());
            }
            return Ok(answer.expose().clone());
        }
        if let Some(answer) = (self.answers)(&prompt.prompt) {
            return Ok(answer);
        }
        // A password that is to be changed is the operator's business, not ours.
        if CHANGES.iter().any(|words| question.contains(words)) {
            return Err(TransportError::PasswordExpired { username: self.login.username.clone() });
        }
        let unknown = || TransportError::Question { question: shown(&prompt.prompt) };
        if prompt.echo {
            let asks_name = question.contains("username") || question.contains("login:");
            return asks_name.then(|| self.login.username.clone()).ok_or_else(unknown);
        }
        let LoginProof::Password(secret) = &self.login.proof else { return Err(unknown()) };
        // The password was accepted by a method of its own; what else is hidden is something else.
        if self.password_accepted && !question.contains("password") {
            return Err(unknown());
        }
        match std::mem::replace(password, Password::Sent(question.clone())) {
            Password::Unsent => Ok(secret.expose().clone()),
            // The same question again is a refusal; another one asks for something else.
            Password::Sent(before) if before == question => Err(self.refused()),
            Password::Sent(_) => Err(unknown()),
        }
    }
}

/// A question as it may stand in an error.
fn shown(prompt: &str) -> String {
    let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
    prompt.chars().filter(printable).take(120).collect::<String>().trim().to_owned()
}
