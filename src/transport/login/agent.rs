//! `publickey` with keys that an SSH agent holds.
//!
//! The agent is another program, so every answer of it is waited for within a limit.

use std::time::Duration;

use russh::MethodKind;
use russh::client::AuthResult;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::{HashAlg, PublicKey};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Attempt, Verdict};
use crate::transport::TransportError;

/// How long the agent may take to list its keys. It may ask a person before it signs, which is
/// bounded by the time for authentication alone.
const AGENT_WAIT: Duration = Duration::from_secs(5);
/// Attempts in one login; servers close the connection after some six.
const MOST_ATTEMPTS: usize = 5;

type Agent = AgentClient<Box<dyn Both + Send + Unpin>>;

/// What a connection to an agent must be able to do.
trait Both: AsyncRead + AsyncWrite {}

impl<T: AsyncRead + AsyncWrite> Both for T {}

impl Attempt<'_> {
    pub(super) async fn sign_by_agent(
        &mut self,
        wanted: Option<&str>,
    ) -> Result<Verdict, TransportError> {
        let (mut agent, identities) = match tokio::time::timeout(AGENT_WAIT, self.ask()).await {
            Ok(asked) => asked?,
            Err(_elapsed) => return Err(TransportError::AgentTimeout { waited: AGENT_WAIT }),
        };
        let held = identities.len();
        let chosen: Vec<AgentIdentity> = match wanted {
            None => identities,
            Some(wanted) => identities.into_iter().filter(|key| is(key, wanted)).collect(),
        };
        if chosen.is_empty() {
            return Err(TransportError::AgentKey {
                wanted: wanted.unwrap_or("any").to_owned(),
                held,
            });
        }
        let username = self.login.username.clone();
        let mut verdict = None;
        for (identity, hash) in self.attempts(chosen).await? {
            let result = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    self.handle.authenticate_publickey_with(&username, key, hash, &mut agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    self.handle
                        .authenticate_certificate_with(&username, certificate, hash, &mut agent)
                        .await
                }
            };
            let result = result.map_err(TransportError::AgentSigning)?;
            let again = matches!(&result, AuthResult::Failure { remaining_methods, partial_success }
                if !partial_success && remaining_methods.contains(&MethodKind::PublicKey));
            let result: Verdict = result.into();
            if !again {
                return Ok(result);
            }
            verdict = Some(result);
        }
        verdict.ok_or_else(|| self.refused())
    }

    /// The keys in the order in which they are tried, each first with the hash that promises most:
    /// servers allow some six attempts in all.
    async fn attempts(
        &mut self,
        keys: Vec<AgentIdentity>,
    ) -> Result<Vec<(AgentIdentity, Option<HashAlg>)>, TransportError> {
        let is_rsa = |key: &AgentIdentity| key.public_key().algorithm().is_rsa();
        let hashes = if keys.iter().any(is_rsa) { self.hashes().await? } else { vec![None] };
        let mut attempts = Vec::new();
        for (round, hash) in hashes.into_iter().enumerate() {
            for key in &keys {
                match is_rsa(key) {
                    true => attempts.push((key.clone(), hash)),
                    false if round == 0 => attempts.push((key.clone(), None)),
                    false => {}
                }
            }
        }
        attempts.truncate(MOST_ATTEMPTS);
        Ok(attempts)
    }

    /// Connects to the agent and lists its keys.
    async fn ask(&mut self) -> Result<(Agent, Vec<AgentIdentity>), TransportError> {
        let mut agent = connect().await?;
        if let Some(binding) = self.handle.agent_session_binding() {
            // Keys that are bound to destinations show only then; agents that know no bindings say
            // no, which does no harm.
            drop(agent.bind_session(binding, false).await);
        }
        let identities = agent.request_identities().await.map_err(TransportError::Agent)?;
        Ok((agent, identities))
    }
}

/// Whether a key is the one that the inventory names, by its fingerprint or its comment.
fn is(identity: &AgentIdentity, wanted: &str) -> bool {
    let key: PublicKey = identity.public_key().into_owned();
    key.fingerprint(HashAlg::Sha256).to_string() == wanted || identity.comment() == wanted
}

#[cfg(unix)]
async fn connect() -> Result<Agent, TransportError> {
    let agent = AgentClient::connect_env().await.map_err(TransportError::Agent)?;
    Ok(AgentClient::connect(Box::new(agent.into_inner())))
}

/// The agent of OpenSSH for Windows, else Pageant.
#[cfg(windows)]
async fn connect() -> Result<Agent, TransportError> {
    const PIPE: &str = r"\\.\pipe\openssh-ssh-agent";
    match AgentClient::connect_named_pipe(PIPE).await {
        Ok(agent) => Ok(AgentClient::connect(Box::new(agent.into_inner()))),
        Err(_none) => {
            let agent = AgentClient::connect_pageant().await.map_err(TransportError::Agent)?;
            Ok(AgentClient::connect(Box::new(agent.into_inner())))
        }
    }
}
