//! Owns the long form of interface names: `Gi0/1` is `GigabitEthernet0/1`.

use std::borrow::Cow;

/// The shortest piece of a long name that counts as its abbreviation, in characters.
const LEAST: usize = 2;

/// Short forms of interface names with their long ones, as a platform abbreviates them.
#[derive(Debug, Clone, Default)]
pub struct InterfaceNames(Vec<(String, String)>);

impl InterfaceNames {
    /// Takes pairs of short and long forms.
    pub fn new(names: &[(String, String)]) -> Self {
        Self(names.to_vec())
    }

    /// Writes a name in full: `gi0/1`, `Gig 0/1` and `GigabitEthernet 0/1` become `GigabitEthernet0/1`.
    /// A name of no known kind stays as it is.
    pub fn long<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let kind_end = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
        let (kind, number) = name.split_at_checked(kind_end).unwrap_or((name, ""));
        let is_number = !number.is_empty()
            && number
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | ':' | '-'));
        let word = kind.trim_end();
        let is_word = !word.is_empty()
            && word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'));
        if !is_number || !is_word {
            return Cow::Borrowed(name);
        }
        match self.kind(word) {
            Some(long) if name.strip_prefix(long) == Some(number) => Cow::Borrowed(name),
            Some(long) => Cow::Owned(format!("{long}{number}")),
            None => Cow::Borrowed(name),
        }
    }

    /// The long form of a kind of interface, by its short form or by a piece that fits no other.
    fn kind(&self, word: &str) -> Option<&str> {
        let exact = self.0.iter().find(|(short, long)| {
            short.eq_ignore_ascii_case(word) || long.eq_ignore_ascii_case(word)
        });
        if let Some((_, long)) = exact {
            return Some(long);
        }
        let fits = |long: &str| {
            word.len() >= LEAST
                && long.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let mut fitting = self.0.iter().map(|(_, long)| long.as_str()).filter(|long| fits(long));
        let first = fitting.next()?;
        fitting.all(|other| other == first).then_some(first)
    }
}
