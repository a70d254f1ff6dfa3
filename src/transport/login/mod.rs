//! Authentication: which method follows which, until the server is content or has said no.
//!
//! **Invariant:** what a server refused is not sent to it again. A method that a server does not
//! offer has judged nothing, so the same password may still be the answer to a question; a partial
//! success asks for more and refuses nothing (RFC 4252, 5.1).

mod agent;
mod interactive;
mod key;

use russh::client::{AuthResult, Handle};
use russh::{MethodKind, MethodSet};

use super::client::{Client, End, Witness};
use super::quirks::Quirks;
use super::{GOODBYE, TransportError};
use crate::credential::{Login, LoginProof};
use crate::inventory::Security;

/// Answers to questions that the platform knows, such as whether a banner was read.
pub type PlatformAnswers<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// What a login is tried with.
pub(super) struct Attempt<'a> {
    pub(super) handle: &'a mut Handle<Client>,
    pub(super) witness: Witness,
    pub(super) login: &'a Login,
    pub(super) answers: PlatformAnswers<'a>,
    pub(super) security: Security,
    pub(super) quirks: Quirks,
    /// What the server is known to offer; nothing before its first answer.
    pub(super) offered: Option<MethodSet>,
    /// The first whole list of this login; what is left after a partial success is none.
    pub(super) learned: Option<MethodSet>,
    /// Whether an RSA key was offered, whose signatures have kinds.
    pub(super) rsa_tried: bool,
    /// Whether what is offered is remembered from another login, and may be out of date.
    pub(super) remembered: bool,
    /// Whether the server took the password and wants something else beside it.
    pub(super) password_accepted: bool,
}

/// What became of one method.
enum Verdict {
    Accepted,
    /// The server judged and refused, or wants something else.
    NotYet {
        remaining: MethodSet,
        partial: bool,
    },
}

impl From<AuthResult> for Verdict {
    fn from(result: AuthResult) -> Self {
        match result {
            AuthResult::Success => Self::Accepted,
            AuthResult::Failure { remaining_methods, partial_success } => {
                Self::NotYet { remaining: remaining_methods, partial: partial_success }
            }
        }
    }
}

impl Attempt<'_> {
    /// Goes through the methods that the credential can serve, in the order that the server's
    /// answers leave.
    pub(super) async fn run(&mut self) -> Result<(), TransportError> {
        let mut left: Vec<MethodKind> = self.servable();
        loop {
            let next = left.iter().position(|method| self.may_be_offered(*method));
            let Some(method) = next.map(|at| left.remove(at)) else {
                if std::mem::take(&mut self.remembered) {
                    // The server itself has not been asked yet.
                    self.offered = None;
                    left = self.servable();
                    continue;
                }
                return Err(self.unsupported());
            };
            self.remembered = false;
            match self.try_method(method).await? {
                Verdict::Accepted => return Ok(()),
                Verdict::NotYet { remaining, partial } => {
                    // The library has no list where the connection ended instead of an answer.
                    if remaining.is_empty() {
                        return Err(self.ended().await);
                    }
                    let judged = !partial && remaining.contains(&method);
                    if !partial && self.learned.is_none() {
                        self.learned = Some(remaining.clone());
                    }
                    self.offered = Some(remaining);
                    if judged {
                        return Err(self.refused());
                    }
                    if partial {
                        self.password_accepted |= method == MethodKind::Password;
                        left = self.servable();
                        left.retain(|other| *other != method);
                    }
                }
            }
        }
    }

    /// The methods that this credential can serve, the usual one first.
    fn servable(&self) -> Vec<MethodKind> {
        match self.login.proof {
            LoginProof::Password(_) => vec![MethodKind::Password, MethodKind::KeyboardInteractive],
            // Questions may follow a key, as a second factor or a banner to be acknowledged.
            _ => vec![MethodKind::PublicKey, MethodKind::KeyboardInteractive],
        }
    }

    fn may_be_offered(&self, method: MethodKind) -> bool {
        match &self.offered {
            Some(offered) => offered.contains(&method),
            // Questions are answered where the server says that it asks some.
            None => method != MethodKind::KeyboardInteractive,
        }
    }

    async fn try_method(&mut self, method: MethodKind) -> Result<Verdict, TransportError> {
        match (method, &self.login.proof) {
            (MethodKind::Password, LoginProof::Password(password)) => {
                let (username, password) = (&self.login.username, password.expose().as_str());
                let result = self.handle.authenticate_password(username, password).await?;
                Ok(result.into())
            }
            (MethodKind::KeyboardInteractive, _) => self.answer_questions().await,
            (_, LoginProof::Agent { key }) => self.sign_by_agent(key.as_deref()).await,
            _ => self.sign().await,
        }
    }

    fn refused(&self) -> TransportError {
        let old_signatures = self.rsa_tried && self.security < Security::Legacy;
        TransportError::AuthRefused { username: self.login.username.clone(), old_signatures }
    }

    /// The connection ended where an answer was due. A server that says goodbye has judged, as those
    /// do that allow one attempt. One that is just gone has not.
    async fn ended(&mut self) -> TransportError {
        // What it said stands in the witness once the library's task has ended.
        drop(tokio::time::timeout(GOODBYE, &mut *self.handle).await);
        match self.witness.end() {
            Some(End::Said(_)) => self.refused(),
            Some(End::Lost) | None => TransportError::AuthLost,
        }
    }

    fn unsupported(&self) -> TransportError {
        let method = match self.login.proof {
            LoginProof::Password(_) => "a password",
            LoginProof::Key { .. } => "a key",
            LoginProof::Agent { .. } => "a key of an agent",
        };
        TransportError::AuthMethod { method, offered: names(self.offered.as_ref()) }
    }
}

/// The methods of a list, for people.
pub(super) fn names(offered: Option<&MethodSet>) -> String {
    let names: Vec<&str> = offered.into_iter().flat_map(|set| set.iter()).map(Into::into).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
