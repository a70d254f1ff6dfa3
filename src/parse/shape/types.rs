//! Owns the types of values: numbers where a whole column is numbers, and one spelling for what devices
//! spell in many ways.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Number, Value};

use super::{InterfaceNames, Table};

/// Columns whose values only look like numbers: a serial number may begin with zeros on the next device.
const TEXTS: [&str; 7] = ["vid", "pid", "sn", "serial", "description", "hostname", "name"];

/// Columns in which a point is no decimal point: `15.10` is another version than `15.1`.
const POINTS: [&str; 5] = ["version", "release", "rommon", "as", "rd"];

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

/// Makes numbers of the columns in which every value of every table is one. Where a device has no
/// value, there is null then.
pub fn numbers<'t>(tables: impl Iterator<Item = &'t mut Table>) {
    let mut tables: Vec<&mut Table> = tables.collect();
    // Whether the column of this name has only numbers so far; absent as long as it has no value.
    let mut columns: HashMap<String, bool> = HashMap::new();
    for table in &tables {
        for (at, column) in table.columns.iter().enumerate() {
            let values =
                || table.rows.iter().filter_map(|row| row.get(at)).filter(|v| !is_empty(v));
            if values().next().is_none() {
                continue;
            }
            let has_points = ends_with_word(column, &POINTS) && values().any(has_point);
            let good = !ends_with_word(column, &TEXTS) && !has_points && values().all(is_number);
            columns.entry(column.clone()).and_modify(|all| *all &= good).or_insert(good);
        }
    }
    for table in &mut tables {
        for (at, column) in table.columns.iter().enumerate() {
            if columns.get(column) == Some(&true) {
                table.rows.iter_mut().filter_map(|row| row.get_mut(at)).for_each(to_number);
            }
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

fn has_point(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('.'))
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
