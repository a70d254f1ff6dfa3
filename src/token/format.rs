//! The form of a token, `vty_<id>_<secret>`: eight and sixty-four lower-case hexadecimal digits.
//! The id finds the token and may be shown; the secret proves it.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::TokenError;
use crate::secret::Secret;

const PREFIX: &str = "vty_";
const ID_BYTES: usize = 4;
const SECRET_BYTES: usize = 32;

/// A new token.
pub(super) struct Minted {
    pub(super) id: String,
    pub(super) token: Secret<String>,
    pub(super) hash: [u8; 32],
}

/// Makes a token from the randomness of the operating system.
pub(super) fn mint() -> Result<Minted, TokenError> {
    let mut bytes = Zeroizing::new([0; ID_BYTES + SECRET_BYTES]);
    getrandom::fill(&mut *bytes).map_err(TokenError::Random)?;
    let (id, secret) = bytes.split_at(ID_BYTES);
    let mut token = String::with_capacity(PREFIX.len() + bytes.len() * 2 + 1);
    token.push_str(PREFIX);
    push_hex(&mut token, id);
    token.push('_');
    push_hex(&mut token, secret);
    let token = Secret::new(token);
    let parts = Parts::of(token.expose()).ok_or(TokenError::Malformed)?;
    let (id, hash) = (parts.id.to_owned(), parts.hash());
    Ok(Minted { id, token, hash })
}

/// Writes bytes as digits, into memory that is there already: growing would leave a copy behind.
fn push_hex(text: &mut String, bytes: &[u8]) {
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or_default());
    }
}

/// The parts of a token that was presented.
pub(super) struct Parts<'a> {
    pub(super) id: &'a str,
    secret: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes a token apart; `None` when the text does not have the form of one.
    pub(super) fn of(presented: &'a str) -> Option<Self> {
        let (id, secret) = presented.strip_prefix(PREFIX)?.split_once('_')?;
        let formed = is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES);
        formed.then_some(Self { id, secret })
    }

    /// What is kept of the secret. It is random and long, so a plain hash cannot be searched.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_bytes()).into()
    }
}

/// The id that an operator means, who may have pasted the whole token.
pub(super) fn id_in(typed: &str) -> Option<&str> {
    let whole = Parts::of(typed).map(|parts| parts.id);
    whole.or_else(|| is_hex(typed, ID_BYTES).then_some(typed))
}

fn is_hex(text: &str, bytes: usize) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == bytes * 2 && text.bytes().all(digit)
}
