//! What the server offers, read from its first message while the library reads the same bytes.
//!
//! The library tells one list of a negotiation that failed and none of one that worked. The first
//! message of a server (RFC 4253, 7.1) is not encrypted, so it can be read on the way.
//! **Invariant:** at most [`MOST_BYTES`] are kept, and only until the message is whole.

use std::sync::{Arc, Mutex, PoisonError};

/// The longest packet that every implementation must take (RFC 4253, 6.1), and some lines before.
const MOST_BYTES: usize = 64 * 1024;
/// More algorithms of one kind than any server has.
const MOST_NAMES: usize = 64;
/// `SSH_MSG_KEXINIT`.
const KEXINIT: u8 = 20;

/// The algorithms that a server offers, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Offer {
    /// Key exchange, without the names that are extensions.
    pub key_exchange: Vec<String>,
    /// Kinds of host keys.
    pub host_key: Vec<String>,
    /// Ciphers from us to the server.
    pub cipher: Vec<String>,
    /// Integrity of what we send.
    pub mac: Vec<String>,
}

impl Offer {
    /// Reads the first binary packet behind the identification line, if it is whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = behind_ident(bytes)?;
        let length = usize::try_from(u32_of(&mut rest)?).ok()?;
        let packet = rest.get(..length)?;
        let (padding, payload) = packet.split_first()?;
        let mut payload = payload.get(..payload.len().checked_sub(usize::from(*padding))?)?;
        let (kind, behind) = payload.split_first()?;
        if *kind != KEXINIT {
            return None;
        }
        // Sixteen random bytes stand before the lists.
        payload = behind.get(16..)?;
        let key_exchange = list_of(&mut payload)?;
        let extension = |name: &String| !name.starts_with("ext-info-") && !name.starts_with("kex-");
        Some(Self {
            key_exchange: key_exchange.into_iter().filter(extension).collect(),
            host_key: list_of(&mut payload)?,
            cipher: list_of(&mut payload)?,
            mac: {
                // Between them stand the ciphers of the other direction.
                list_of(&mut payload)?;
                list_of(&mut payload)?
            },
        })
    }
}

fn behind_ident(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, behind) = rest.split_at_checked(end.checked_add(1)?)?;
        rest = behind;
        if line.starts_with(b"SSH-") {
            return Some(rest);
        }
    }
}

fn u32_of(rest: &mut &[u8]) -> Option<u32> {
    let (number, behind) = rest.split_first_chunk::<4>()?;
    *rest = behind;
    Some(u32::from_be_bytes(*number))
}

fn list_of(rest: &mut &[u8]) -> Option<Vec<String>> {
    let length = usize::try_from(u32_of(rest)?).ok()?;
    let (list, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    let text = String::from_utf8_lossy(list);
    // What a server says may stand in an error, so nothing but names is taken from it (RFC 4251, 6).
    let plain = |name: &&str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    Some(text.split(',').filter(plain).take(MOST_NAMES).map(str::to_owned).collect())
}

/// What was heard so far, and at last the offer.
#[derive(Debug)]
enum Heard {
    Bytes(Vec<u8>),
    Offer(Offer),
    Nothing,
}

/// Where the offer can be had once it was read.
#[derive(Debug, Clone)]
pub(super) struct Overheard(Arc<Mutex<Heard>>);

impl Default for Overheard {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Heard::Bytes(Vec::new()))))
    }
}

impl Overheard {
    /// The offer, if it came.
    pub(super) fn offer(&self) -> Option<Offer> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Heard::Offer(offer) => Some(offer.clone()),
            Heard::Bytes(_) | Heard::Nothing => None,
        }
    }

    /// Hears what came next.
    pub(super) fn hear(&self, bytes: &[u8]) -> Hearing {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Heard::Bytes(all) = &mut *heard else { return Hearing::IsOver };
        all.extend_from_slice(bytes);
        if let Some(offer) = Offer::read(all) {
            *heard = Heard::Offer(offer);
        } else if all.len() > MOST_BYTES {
            *heard = Heard::Nothing;
        } else {
            return Hearing::GoesOn;
        }
        Hearing::IsOver
    }
}

/// Whether more has to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    GoesOn,
    IsOver,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(lists: &[&str]) -> Vec<u8> {
        let mut payload = vec![KEXINIT];
        payload.extend([7; 16]);
        for list in lists {
            payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
            payload.extend(list.as_bytes());
        }
        payload.extend([0; 5]);
        let padding = 6;
        let mut bytes = b"Hello\r\nSSH-2.0-Cisco-1.25\r\n".to_vec();
        bytes.extend(u32::try_from(payload.len() + 1 + padding).unwrap().to_be_bytes());
        bytes.push(u8::try_from(padding).unwrap());
        bytes.extend(payload);
        bytes.extend(vec![0; padding]);
        bytes
    }

    fn offer() -> (Vec<u8>, Offer) {
        let lists = [
            "diffie-hellman-group1-sha1,ext-info-s,kex-strict-s-v00@openssh.com",
            "ssh-rsa",
            "aes128-cbc,3des-cbc",
            "aes256-ctr",
            "hmac-sha1",
            "hmac-md5",
            "none",
            "none",
            "",
            "",
        ];
        let names = |list: &str| list.split(',').map(str::to_owned).collect();
        let offer = Offer {
            key_exchange: names("diffie-hellman-group1-sha1"),
            host_key: names("ssh-rsa"),
            cipher: names("aes128-cbc,3des-cbc"),
            mac: names("hmac-sha1"),
        };
        (message(&lists), offer)
    }

    #[test]
    fn the_offer_is_read_however_the_bytes_are_cut() {
        let (mut bytes, expected) = offer();
        bytes.extend(b"and what follows");
        for size in [1, 2, 7, bytes.len()] {
            let overheard = Overheard::default();
            for piece in bytes.chunks(size) {
                overheard.hear(piece);
            }
            assert_eq!(overheard.offer(), Some(expected.clone()), "pieces of {size}");
        }
    }

    #[test]
    fn nothing_is_made_of_a_message_that_is_cut_off_or_something_else() {
        let (bytes, _) = offer();
        assert_eq!(Offer::read(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Offer::read(b"SSH-2.0-x\r\n\0\0\0\x0c\x06\x01aaaaa......"), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_left(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (mut whole, _) = offer();
            whole.truncate(30);
            whole.extend(bytes);
            let _read = Offer::read(&whole);
        }
    }
}
