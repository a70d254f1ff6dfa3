//! Owns the rule for addresses: which texts name a host and nothing else.
//!
//! **Invariant:** what passes holds no user, port, path or option, so no part of it can be
//! taken for one later. Names are not resolved here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a text is no address, and what to write instead. Neither shows the text, since an address
/// such as `user:password@host` holds a secret.
pub(super) type Refusal = (&'static str, &'static str);

const NAME: &str = "write a host name or an IP address";

/// Checks an address as it stands in the device file.
pub(super) fn check(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(("the address is empty", NAME));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(("the address holds blanks or control characters", NAME));
    }
    if text.starts_with('-') {
        return Err(("the address starts with `-`, like an option", NAME));
    }
    if text.contains("://") {
        return Err(("the address is a URL", "write the host alone, and its port as `port`"));
    }
    if text.contains('@') {
        return Err(("the address holds an `@`", "write the user as `username`, the host alone"));
    }
    if text.contains('/') {
        return Err((
            "the address holds a `/`",
            "write one address, without prefix length or path",
        ));
    }
    if !text.is_ascii() {
        return Err(("the address holds non-ASCII characters", "write its ASCII (xn--) form"));
    }
    if text.starts_with('[') {
        return Err((
            "the address stands in brackets",
            "write an IPv6 address without brackets, and its port as `port`",
        ));
    }
    if text.contains('%') {
        return Err((
            "the address has a zone",
            "use an address that is not link-local; zones are not supported",
        ));
    }
    if text.contains(':') {
        return ipv6(text);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return ipv4(text);
    }
    host_name(text)
}

/// The address in one spelling, to tell whether two are the same.
pub(super) fn canonical(text: &str) -> String {
    match text.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => text.trim_end_matches('.').to_ascii_lowercase(),
    }
}

fn ipv6(text: &str) -> Result<(), Refusal> {
    match text.parse::<Ipv6Addr>() {
        Ok(address) => usable(IpAddr::V6(address)),
        Err(_) if text.matches(':').count() == 1 => {
            Err(("the address holds a port", "write the port as `port`, the host alone"))
        }
        Err(_) => Err(("the address is no IPv6 address, and a port has no place in it", NAME)),
    }
}

fn ipv4(text: &str) -> Result<(), Refusal> {
    match text.parse::<Ipv4Addr>() {
        Ok(address) => usable(IpAddr::V4(address)),
        Err(_) => Err((
            "the address is no IPv4 address",
            "write four numbers from 0 to 255 without leading zeros",
        )),
    }
}

fn usable(address: IpAddr) -> Result<(), Refusal> {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(("the address belongs to no single device", NAME));
    }
    Ok(())
}

fn host_name(text: &str) -> Result<(), Refusal> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > 253 {
        return Err(("the host name is longer than 253 characters", NAME));
    }
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let sound = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if !name.split('.').all(sound) {
        return Err((
            "the host name is malformed",
            "use letters, digits, `-` and `_`, in parts of 1 to 63 characters joined by dots",
        ));
    }
    // Resolvers take a name that ends in a number for a short form of an IPv4 address.
    if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(("the host name ends in a number", NAME));
    }
    Ok(())
}
