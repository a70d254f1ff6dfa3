//! Owns the types of values: numbers where a whole column is numbers, and one spelling for what devices
//! spell in many ways.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Number, Value};

use super::{InterfaceNames, Table};

/// The last words of columns whose values only look like numbers: a name or a serial number may begin with
/// zeros on the next device, or have letters in it.
const TEXTS: [&str; 11] = [
    "vid",
    "pid",
    "sn",
    "serial",
    "model",
    "part_number",
    "description",
    "hostname",
    "name",
    "vrf",
    "domain",
];

/// The last words of columns in which a point is no decimal point: `15.10` is another version than `15.1`.
const POINTS: [&str; 15] = [
    "version", "release", "revision", "rev", "firmware", "software", "os", "kernel", "bios",
    "rommon", "image", "as", "rd", "area", "id",
];

/// Words of columns that hold what was measured, in which `0.50` is no other value than `0.5`.
const MEASURES: [&str; 27] = [
    "amps",
    "cpu",
    "current",
    "delay",
    "dispersion",
    "jitter",
    "load",
    "mbps",
    "memory",
    "mhz",
    "offset",
    "percent",
    "power",
    "rate",
    "rx",
    "skew",
    "temp",
    "temperature",
    "tx",
    "usage",
    "utilization",
    "value",
    "voltage",
    "volts",
    "watts",
    "drift",
    "size",
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

/// The largest integer that is a number, 2^53. Beyond it not every reader of JSON keeps each digit.
const LARGEST: u64 = 1 << 53;

/// The most digits of a decimal that is a number, for the same reason.
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
            let points = Points::of(column);
            let good = !is_text(column) && values().all(|value| is_number(value, points));
            columns.entry(column.clone()).and_modify(|all| *all &= good).or_insert(good);
        }
    }
    for table in &mut tables {
        for (at, column) in table.columns.iter().enumerate() {
            if columns.get(column) == Some(&true) {
                let points = Points::of(column);
                let values = table.rows.iter_mut().filter_map(|row| row.get_mut(at));
                values.for_each(|value| to_number(value, points));
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

/// Whether a column holds names and the like, which are texts even where all of them are digits.
pub(super) fn is_text(column: &str) -> bool {
    ends_with_word(column, &TEXTS) || ends_with_word(column, &INTERFACES)
}

/// What a point in the values of a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Points {
    /// A decimal point; zeros at the end say nothing.
    Measured,
    /// A decimal point if nothing is lost by that.
    Exact,
    /// Something else, so that there are integers only.
    Never,
}

impl Points {
    fn of(column: &str) -> Self {
        if ends_with_word(column, &POINTS) {
            Self::Never
        } else if column.split('_').any(|word| MEASURES.contains(&word)) {
            Self::Measured
        } else {
            Self::Exact
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn is_number(value: &Value, points: Points) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => number(text, points).is_some(),
        Value::Array(items) => items.iter().all(|item| is_number(item, points)),
        _ => false,
    }
}

fn to_number(value: &mut Value, points: Points) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| to_number(item, points)),
        Value::String(text) => *value = number(text, points).map_or(Value::Null, Value::Number),
        _ => {}
    }
}

/// A number that prints as it is written, but for zeros at the end of what was measured.
fn number(text: &str, points: Points) -> Option<Number> {
    let decimal = Decimal::read(text)?;
    let number = if decimal.is_integer() {
        let integer = text.parse::<i64>().ok()?;
        (integer.unsigned_abs() <= LARGEST).then(|| Number::from(integer))?
    } else if points == Points::Never || text.len() > DIGITS {
        return None;
    } else {
        Number::from_f64(text.parse().ok()?)?
    };
    let printed = number.to_string();
    let is_kept = printed == text
        || points == Points::Measured
            && printed.split('.').next() == text.split('.').next()
            && Decimal::read(&printed).is_some_and(|printed| printed.order(decimal).is_eq());
    is_kept.then_some(number)
}

/// A number as it is written, of any length, to be compared without losing a digit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<'t> {
    is_negative: bool,
    /// Without zeros before it.
    whole: &'t str,
    /// Without zeros behind it; none if there is no point.
    fraction: Option<&'t str>,
}

impl<'t> Decimal<'t> {
    /// Reads digits, with at most a sign and a point.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) =
            digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        let all_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !fraction.is_none_or(all_digits) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.map(|fraction| fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_none_or(str::is_empty);
        Some(Self { is_negative: digits.len() < text.len() && !is_zero, whole, fraction })
    }

    /// Whether it is written without a point.
    pub(super) fn is_integer(self) -> bool {
        self.fraction.is_none()
    }

    /// The order of two numbers by their value.
    pub(super) fn order(self, other: Self) -> Ordering {
        let size = |a: Self, b: Self| {
            let longer = a.whole.len().cmp(&b.whole.len()).then_with(|| a.whole.cmp(b.whole));
            longer.then_with(|| a.fraction.unwrap_or("").cmp(b.fraction.unwrap_or("")))
        };
        match (self.is_negative, other.is_negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
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
