//! Owns [`Condition`]: one comparison of a column with a value, as `mtu > 1500`.
//!
//! What is compared decides how: two numbers by size, two addresses by their order, MAC addresses and
//! names of interfaces in their canonical form, anything else as text without regard to case.
//!
//! **Invariants:** a number is compared digit by digit, whatever its length. Only integers are *equal* by
//! their value, since `15.1` and `15.10` are two versions and nobody can tell from the outside; in order,
//! both sides of a point count.

use std::cmp::Ordering;
use std::net::IpAddr;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::InterfaceNames;
use super::types::{Decimal, address, is_text, mac};
use crate::parse::ParseError;

/// The longest condition, in bytes.
const MOST_BYTES: usize = 500;

/// The largest compiled pattern, in bytes. A `\w`, which follows Unicode, takes about 30 KiB.
const PATTERN_BYTES: usize = 256 << 10;

/// The most memory that a pattern takes while it searches, in bytes; a search that needs more is slower.
const SEARCH_BYTES: usize = 256 << 10;

/// One comparison of a column.
#[derive(Debug, Clone)]
pub struct Condition {
    column: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    /// Equal, or not.
    Is(String, bool),
    /// Smaller or larger by an order that both sides have.
    Order(String, fn(Ordering) -> bool),
    /// A pattern is found in it, or not.
    Found(Regex, bool),
    /// An address lies in a network.
    Within(IpAddr, u8),
}

/// The operators, longer ones first.
const OPERATORS: [&str; 10] = ["!=", "==", "<=", ">=", "!~", "=~", "=", "<", ">", "~"];

impl Condition {
    /// Reads a condition: a column, an operator and a value, which may stand in quotes.
    ///
    /// # Errors
    ///
    /// It is not formed so, or its pattern or network is none.
    pub fn read(text: &str) -> Result<Self, ParseError> {
        let wrong = |message: &str| ParseError::ConditionInvalid {
            condition: crate::parse::error::quote(text),
            message: message.to_owned(),
        };
        if text.len() > MOST_BYTES {
            return Err(wrong("it is too long"));
        }
        let form = "it is not `column operator value`, with = != < <= > >= ~ !~ or in";
        let trimmed = text.trim();
        let end =
            trimmed.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(trimmed.len());
        let (column, rest) = trimmed.split_at_checked(end).ok_or_else(|| wrong(form))?;
        let rest = rest.trim_start();
        let operator = OPERATORS.iter().copied().find(|operator| rest.starts_with(operator));
        let within = rest.strip_prefix("in").filter(|rest| rest.starts_with(char::is_whitespace));
        let (operator, value) = match (operator, within) {
            (Some(operator), _) => (operator, rest.strip_prefix(operator).unwrap_or_default()),
            (None, Some(value)) => ("in", value),
            (None, None) => return Err(wrong(form)),
        };
        if column.is_empty() {
            return Err(wrong(form));
        }
        let value = unquoted(value.trim()).to_owned();
        let order = |fits| {
            let is_ordered = Decimal::read(&value).is_some() || address(&value).is_some();
            let test = is_ordered.then(|| Test::Order(value.clone(), fits));
            test.ok_or("only a number, without a unit, or an address is smaller or larger")
        };
        let test = match operator {
            "=" | "==" => Ok(Test::Is(value, true)),
            "!=" => Ok(Test::Is(value, false)),
            "<" => order(Ordering::is_lt),
            "<=" => order(Ordering::is_le),
            ">" => order(Ordering::is_gt),
            ">=" => order(Ordering::is_ge),
            "in" => network(&value).map(|(address, length)| Test::Within(address, length)),
            _ => RegexBuilder::new(&value)
                .size_limit(PATTERN_BYTES)
                .dfa_size_limit(SEARCH_BYTES)
                .build()
                .map(|pattern| Test::Found(pattern, !operator.starts_with('!')))
                .map_err(|error| match error {
                    regex::Error::CompiledTooBig(_) => "the pattern is too large",
                    _ => "the pattern is invalid",
                }),
        };
        Ok(Self { column: column.to_lowercase(), test: test.map_err(wrong)? })
    }

    /// The column that is compared.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Whether a value fits. Of a list one item must, or none where the condition denies.
    pub fn holds(&self, value: &Value, names: &InterfaceNames) -> bool {
        let denies = matches!(self.test, Test::Is(_, false) | Test::Found(_, false));
        match value {
            Value::Array(items) if denies => items.iter().all(|item| self.holds(item, names)),
            Value::Array(items) => items.iter().any(|item| self.holds(item, names)),
            Value::String(text) => self.fits(text, names),
            Value::Null => self.fits("", names),
            other => self.fits(&other.to_string(), names),
        }
    }

    fn fits(&self, text: &str, names: &InterfaceNames) -> bool {
        match &self.test {
            Test::Is(value, wanted) => self.is_equal(text, value, names) == *wanted,
            Test::Order(value, fits) => ordered(text, value).is_some_and(fits),
            Test::Found(pattern, wanted) => pattern.is_match(text) == *wanted,
            Test::Within(network, length) => {
                address(text).is_some_and(|address| is_within(address, *network, *length))
            }
        }
    }

    fn is_equal(&self, text: &str, value: &str, names: &InterfaceNames) -> bool {
        if text.eq_ignore_ascii_case(value) {
            return true;
        }
        if let (Some(a), Some(b)) = (mac(text), mac(value)) {
            return a == b;
        }
        // A length belongs to the value: 10.0.0.0/8 is not 10.0.0.0/16.
        if !text.contains('/')
            && !value.contains('/')
            && let (Some(a), Some(b)) = (address(text), address(value))
        {
            return a == b;
        }
        if let (Some(a), Some(b)) = (Decimal::read(text), Decimal::read(value)) {
            // The serial number 007 is not 7.
            return a.is_integer()
                && b.is_integer()
                && !is_text(&self.column)
                && a.order(b).is_eq();
        }
        names.long(text).eq_ignore_ascii_case(&names.long(value))
    }
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(text)
}

fn network(text: &str) -> Result<(IpAddr, u8), &'static str> {
    let wrong = "the value is no network, such as 10.0.0.0/8";
    let address = address(text).ok_or(wrong)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match text.split_once('/') {
        None => most,
        Some((_, length)) => length.parse().map_err(|_| wrong)?,
    };
    if length <= most { Ok((address, length)) } else { Err(wrong) }
}

fn is_within(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let ((address, kind), (network, other)) = (bits(address), bits(network));
    let shift = 128_u32.saturating_sub(u32::from(length));
    kind == other && address.checked_shr(shift) == network.checked_shr(shift)
}

/// The order of two numbers or two addresses; texts have none.
fn ordered(text: &str, value: &str) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (Decimal::read(text), Decimal::read(value)) {
        return Some(a.order(b));
    }
    let (a, b) = (address(text)?, address(value)?);
    (a.is_ipv4() == b.is_ipv4()).then(|| a.cmp(&b))
}
