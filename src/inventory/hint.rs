//! Owns "did you mean": the nearest of some words.
//!
//! This is a heuristic. It finds slips of up to a third of the letters, and the words other tools
//! use for our keys; it offers nothing rather than something far-fetched.

/// What netmiko, Ansible, nornir and people call our keys.
const SYNONYMS: &[(&str, &str)] = &[
    ("host", "address"),
    ("hostname", "address"),
    ("ip_address", "address"),
    ("ansible_host", "address"),
    ("user", "username"),
    ("login", "username"),
    ("device_type", "platform"),
    ("os", "platform"),
    ("secret", "enable"),
    ("enable_secret", "enable"),
    ("enable_password", "enable"),
    ("key", "private_key_path"),
    ("key_file", "private_key_path"),
    ("key_path", "private_key_path"),
    ("ssh_key_path", "private_key_path"),
    ("timeout", "timeouts"),
    ("group", "groups"),
];

/// Words longer than this are not slips of ours, and comparing them would take long.
const MAX_LENGTH: usize = 64;

/// The candidate that `word` is most likely a slip of.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.is_empty() || word.len() > MAX_LENGTH {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let plain = candidate.to_ascii_lowercase().replace('-', "_");
            (strsim::osa_distance(&word, &plain), candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The allowed key that is most likely meant, also by another tool's word for it.
pub(super) fn nearest_key<'c>(word: &str, allowed: &[&'c str]) -> Option<&'c str> {
    let lower = word.to_ascii_lowercase();
    let synonym = SYNONYMS.iter().find(|(theirs, _)| *theirs == lower).map(|(_, ours)| *ours);
    match synonym.and_then(|ours| allowed.iter().find(|key| **key == ours)) {
        Some(key) => Some(*key),
        None => nearest(word, allowed.iter().copied()),
    }
}

/// Lists words for a message: `a`, `b` and `c`.
pub(super) fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "none".to_owned(),
    }
}
