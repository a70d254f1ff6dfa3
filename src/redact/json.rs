//! Owns the redaction of records: by the name of the field, and as text.

use serde_json::{Map, Value};

use super::Redactor;
use super::value::{self, Skip};

/// Fields whose whole value is a secret, in lower snake case.
const FIELDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pass",
    "pwd",
    "phash",
    "secret",
    "psk",
    "psksecret",
    "token",
    "key",
    "cak",
    "community",
    "community_string",
    "community_name",
    "rocommunity",
    "rwcommunity",
    "auth_key",
    "authkey",
    "auth_pwd",
    "priv_pwd",
    "priv_key",
    "privkey",
    "key_string",
    "keystring",
    "key_octet_string",
    "authentication_key",
    "privacy_key",
    "server_key",
    "shared_key",
    "md5_key",
    "message_digest_key",
    "api_key",
    "apikey",
    "secret_key",
    "access_key",
    "private_key",
    "privatekey",
    "pre_shared_key",
    "preshared_key",
    "presharedkey",
    "ascii_text",
    "hexadecimal",
    "wpa_psk",
    "authorization",
    "plaintext_key",
    "encrypted_key",
    "credentials",
    "ingestauth",
];

/// Endings that make a longer name one of those.
const ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "_secret",
    "_psk",
    "_token",
    "_community",
    "_pre_shared_key",
    "_private_key",
    "_api_key",
    "_auth_key",
    "_shared_key",
];

/// Names under which a secret's value stands one level deeper, as in Junos' `[{"data": …}]`.
const INNER: &[&str] =
    &["data", "value", "text", "#text", "hash", "string", "encrypted", "cleartext"];

/// Replaces what is secret in `value`; returns how many.
pub(super) fn redact(redactor: &Redactor, value: &mut Value) -> usize {
    visit(redactor, value, Field::Plain)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Plain,
    Secret,
}

fn visit(redactor: &Redactor, value: &mut Value, field: Field) -> usize {
    match value {
        Value::String(text) => string(redactor, text, field),
        // A password of digits may come as a number; a key's number is short.
        Value::Number(number) if field == Field::Secret && number.to_string().len() > 4 => {
            let mut text = number.to_string();
            let count = hide(redactor, &mut text);
            *value = Value::String(text);
            count
        }
        Value::Array(values) => values.iter_mut().map(|value| visit(redactor, value, field)).sum(),
        Value::Object(fields) => object(redactor, fields, field),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn object(redactor: &Redactor, fields: &mut Map<String, Value>, outer: Field) -> usize {
    let mut total = 0;
    let mut renamed = false;
    for (name, value) in fields.iter_mut() {
        let inherits = outer == Field::Secret && INNER.contains(&name.as_str());
        let field = if inherits || is_secret_name(name) { Field::Secret } else { Field::Plain };
        total += visit(redactor, value, field);
        renamed |= redactor.redact_counted(name).secrets > 0;
    }
    if renamed {
        // EOS prints its configuration as an object whose names are the commands.
        *fields = std::mem::take(fields)
            .into_iter()
            .map(|(name, value)| {
                let shown = redactor.redact_counted(&name);
                total += shown.secrets;
                (shown.text.into_owned(), value)
            })
            .collect();
    }
    total
}

fn string(redactor: &Redactor, text: &mut String, field: Field) -> usize {
    let keeps = value::is_none(text)
        || Skip::BgpCommunity.covers(text)
        || (text.len() <= 4 && Skip::Number.covers(text));
    if field == Field::Secret && !keeps {
        return hide(redactor, text);
    }
    let shown = redactor.redact_counted(text);
    let count = shown.secrets;
    if count > 0 {
        *text = shown.text.into_owned();
    }
    count
}

fn hide(redactor: &Redactor, text: &mut String) -> usize {
    *text = redactor.placeholder("field", text);
    1
}

fn is_secret_name(name: &str) -> bool {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut lower_before = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && lower_before {
            snake.push('_');
        }
        lower_before = character.is_ascii_lowercase();
        snake.push(match character {
            '-' | ' ' | '.' | ':' => '_',
            other => other.to_ascii_lowercase(),
        });
    }
    FIELDS.contains(&snake.as_str()) || ENDINGS.iter().any(|ending| snake.ends_with(ending))
}
