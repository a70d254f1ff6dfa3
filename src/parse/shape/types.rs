//! Owns the types of values: numbers where a whole column is numbers, and one spelling for what devices
//! spell in many ways.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Number, Value};

use super::{InterfaceNames, Table};

/// Columns whose values only look like numbers: `15.10` is another version than `15.1`, and a serial
/// number may begin with zeros on the next device.
const TEXTS: [&str; 12] = [
    "version",
    "release",
    "rommon",
    "vid",
    "pid",
    "sn",
    "serial",
    "as",
    "description",
    "hostname",
    "name",
    "rd",
];

/// The last words of columns that hold names of interfaces.
const INTERFACES: [&str; 8] = [
    "interface",
    "interfaces",
    "port",
    "nexthop_if",
    "destination_port",
    "bundle_name",
    "root_port",
    "ports",
];

/// The most digits of a number. Beyond them not every reader of JSON keeps each digit.
const DIGITS: usize = 15;

/// Makes numbers of the columns in which every value is one. Where a device has no value, there is
/// null then.
pub fn numbers(table: &mut Table) {
    for at in 0..table.columns.len() {
        let is_text = table.columns.get(at).is_none_or(|column| ends_with_word(column, &TEXTS));
        let values = || table.rows.iter().filter_map(|row| row.get(at));
        let seen = values().any(|value| !is_empty(value));
        if is_text || !seen || !values().all(|value| is_empty(value) || is_number(value)) {
            continue;
        }
        for value in table.rows.iter_mut().filter_map(|row| row.get_mut(at)) {
            to_number(value);
        }
    }
}

/// Writes MAC and IP addresses and names of interfaces in their one canonical form.
pub fn normalise(table: &mut Table, names: &InterfaceNames) {
    let is_interface: Vec<bool> =
        table.columns.iter().map(|column| ends_with_word(column, &INTERFACES)).collect();
    for row in &mut table.rows {
        for (value, is_interface) in row.iter_mut().zip(&is_interface) {
            canonical(value, is_interface.then_some(names));
        }
    }
}

fn canonical(value: &mut Value, names: Option<&InterfaceNames>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| canonical(item, names)),
        Value::String(text) => {
            let changed = mac(text)
                .or_else(|| ip(text))
                .or_else(|| Some(names?.long(text).into_owned()).filter(|long| long != text));
            if let Some(changed) = changed {
                *text = changed;
            }
        }
        _ => {}
    }
}

/// Whether a column is called by one of these words or ends with one behind a `_`.
fn ends_with_word(column: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        column.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => number(text).is_some(),
        Value::Array(items) => items.iter().all(is_number),
        _ => false,
    }
}

fn to_number(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(to_number),
        Value::String(text) => *value = number(text).map_or(Value::Null, Value::Number),
        _ => {}
    }
}

/// A number that is written as it would be printed: no zeros before it, no blanks, not too long.
pub(super) fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let good = all_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(all_digits)
        && digits.len() <= DIGITS;
    match (good, fraction) {
        (false, _) => None,
        (true, None) => text.parse::<i64>().ok().map(Number::from),
        (true, Some(_)) => text.parse::<f64>().ok().and_then(Number::from_f64),
    }
}

/// A MAC address in any usual spelling, as `00:11:22:33:44:55`.
pub(super) fn mac(text: &str) -> Option<String> {
    let separator = text.chars().find(|c| !c.is_ascii_hexdigit())?;
    let groups: Vec<&str> = text.split(separator).collect();
    let width = match (separator, groups.len()) {
        ('.' | '-', 3) => 4,
        (':' | '-', 6) => 2,
        _ => return None,
    };
    let good = |group: &&str| group.len() == width && group.bytes().all(|b| b.is_ascii_hexdigit());
    if !groups.iter().all(good) {
        return None;
    }
    let digits: Vec<char> = groups.concat().to_ascii_lowercase().chars().collect();
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    Some(pairs.join(":"))
}

/// An IPv6 address, with its length if it has one, in the form of RFC 5952. An IPv4 address has only
/// one form.
fn ip(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: Ipv6Addr = address.parse().ok()?;
    Some(match length {
        None => address.to_string(),
        Some(length) => format!("{address}/{}", length.parse::<u8>().ok()?),
    })
}

/// An address, without its length.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.parse().ok()
}
