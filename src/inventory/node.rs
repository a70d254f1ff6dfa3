//! Owns the steps that every part of the reader takes: expect a kind of value, refuse repeated and
//! unknown keys.

use std::collections::HashMap;

use super::collect::At;
use super::hint::{listed, nearest_key};
use super::json::{Entry, Node, Value};
use super::layer::{Owner, SHARED_KEYS};
use super::problem::{Severity, cleaned, is_plain_word};
use super::read::{Form, Reader, allowed_keys};

impl Reader<'_> {
    /// The entries of an object, or a report.
    pub(super) fn object<'n>(&mut self, at: At<'_>, node: &'n Node) -> Option<&'n [Entry]> {
        let Value::Object(entries) = &node.value else {
            self.wrong_type(at, node, "an object", "write {…} with keys and values");
            return None;
        };
        Some(entries)
    }

    /// A text that is no secret, or a report.
    pub(super) fn text<'n>(&mut self, at: At<'_>, node: &'n Node) -> Option<&'n str> {
        let Value::Text(text) = &node.value else {
            self.wrong_type(at, node, "a text", "put it in double quotes");
            return None;
        };
        Some(text.expose())
    }

    pub(super) fn wrong_type(&mut self, at: At<'_>, node: &Node, wanted: &str, remedy: &str) {
        let what = format!("expected {wanted}, found {}", node.kind());
        self.problems.error("inv_type", at, what, remedy);
    }

    /// The entries with every key once; the first of equal keys is kept, the others are reported.
    pub(super) fn unique<'n>(&mut self, at: At<'_>, entries: &'n [Entry]) -> Vec<&'n Entry> {
        let mut first: HashMap<&str, &Entry> = HashMap::with_capacity(entries.len());
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            match first.get(entry.key.as_str()) {
                None => {
                    first.insert(&entry.key, entry);
                    kept.push(entry);
                }
                Some(earlier) => {
                    let key = shown(&entry.key);
                    let what = format!("{key} is given again, first in {}", line(earlier));
                    self.problems.error("inv_duplicate", at.key(entry), what, "keep one of them");
                }
            }
        }
        kept
    }

    /// Reports names that are used twice in a map by name; those that differ only in case are equal.
    /// The entries stay, so that their contents are checked as well.
    pub(super) fn report_equal_names(&mut self, at: At<'_>, entries: &[Entry], kind: &str) {
        let mut first: HashMap<String, &Entry> = HashMap::with_capacity(entries.len());
        for entry in entries {
            let lower = entry.key.to_ascii_lowercase();
            let Some(earlier) = first.get(&lower) else {
                first.insert(lower, entry);
                continue;
            };
            let name = cleaned(&entry.key);
            let what = if earlier.key == entry.key {
                format!("the {kind} `{name}` is named twice, first in {}", line(earlier))
            } else {
                let other = cleaned(&earlier.key);
                format!("`{name}` differs only in case from `{other}` in {}", line(earlier))
            };
            let remedy = format!("rename or remove one {kind}");
            self.problems.error("inv_duplicate", at.key(entry), what, remedy);
        }
    }

    /// Reports a key that has no place here: an error in the full form, a warning in the flat one,
    /// where other tools put keys of their own.
    pub(super) fn unknown_key(&mut self, at: At<'_>, entry: &Entry, allowed: &[&str]) {
        let place = self.problems.place(at.key(entry));
        let key = entry.key.as_str();
        let remedy = match nearest_key(key, allowed) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if key == "password" => {
                "write \"auth\": {\"type\": \"password\", \"password\": …}".to_owned()
            }
            None if allowed_keys(Owner::Device, Form::Full).contains(&key)
                && SHARED_KEYS.iter().all(|shared| allowed.contains(shared)) =>
            {
                "it belongs to a device".to_owned()
            }
            None => format!("remove it; allowed are {}", listed(allowed)),
        };
        let what = format!("unknown key {}", shown(key));
        match self.form {
            Form::Full => {
                self.problems.add(Severity::Error, "inv_unknown_key", place, what, remedy);
            }
            Form::Flat => {
                let what = format!("{what}, which is ignored");
                let warning = Severity::Warning;
                self.problems.add_once(warning, "inv_unknown_key", key, place, what, remedy);
            }
        }
    }
}

/// Shows a key if it looks like one: where quotes are misplaced, a key may be half a secret.
fn shown(key: &str) -> String {
    if is_plain_word(key) { format!("`{key}`") } else { "that is no plain word".to_owned() }
}

fn line(entry: &Entry) -> String {
    format!("line {}", entry.position.line)
}
