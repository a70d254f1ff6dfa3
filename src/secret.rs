//! Owns [`Secret`], the only type that holds a password, passphrase or enable secret.
//!
//! **Invariant:** a secret has no `Display` and no `Serialize`, its `Debug` prints `<secret>`, and
//! its memory is wiped when it is dropped. Reading one takes [`Secret::expose`], which is easy to
//! find in a review.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// A value that must never be printed, logged or returned to a caller. Two can be compared, to see
/// whether a device file that was read again changed; never compare one with what a caller sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize = String>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes ownership of a value that must stay secret.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Hands out the value, for the one call that must send it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<'de> serde::Deserialize<'de> for Secret<String> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "<secret> Some(<secret>)");
        assert_eq!(secret.expose(), "hunter2");
    }
}
