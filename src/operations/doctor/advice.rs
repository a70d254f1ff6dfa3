//! What to change, in plain words.

use crate::error::ErrorCode;
use crate::inventory::{Device, Security};
use crate::operations::Failure;

/// The step of a visit that a failure ends.
pub(super) const fn step(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::ResolveFailed => "resolve",
        ErrorCode::AlgorithmMismatch => "algorithms",
        ErrorCode::HostKeyUnknown | ErrorCode::HostKeyChanged => "host_key",
        ErrorCode::AuthMethodUnsupported => "methods",
        ErrorCode::AuthFailed
        | ErrorCode::CredentialUnavailable
        | ErrorCode::PromptTimeout
        | ErrorCode::NeedsInput
        | ErrorCode::SessionLost => "login",
        ErrorCode::PlatformUnknown => "platform",
        ErrorCode::ModeUnreachable => "mode",
        _ => "connect",
    }
}

/// What to do about a failure. The message says what is wrong, and for some failures all of it.
pub(super) fn of(failure: &Failure) -> String {
    match failure.code {
        ErrorCode::AlgorithmMismatch => mismatch(&failure.message).to_owned(),
        ErrorCode::PromptTimeout => "check `platform` in the inventory against what the device \
             showed; \"platform\": \"auto\" finds it out"
            .to_owned(),
        _ => failure.hint.clone(),
    }
}

fn mismatch(message: &str) -> &'static str {
    if message.contains("no security profile reaches it") {
        "update the device's software or enable other algorithms on its SSH server; until then \
         this program cannot reach it"
    } else if message.contains("\"legacy\"") {
        "set \"security\": \"legacy\" for this device, which offers it algorithms that are known to \
         be weak, or better: enable stronger ones on the device (on Cisco IOS: `ip ssh server \
         algorithm …`, and a host key of 2048 bits)"
    } else {
        "set \"security\" for this device to the profile that the message names"
    }
}

/// What to say about the algorithms of a connection that works.
pub(super) fn on_algorithms(
    security: Security,
    strictest: Option<Security>,
    weak: &[String],
) -> Option<String> {
    match strictest {
        Some(strictest) if strictest < security && security == Security::Legacy => Some(format!(
            "the profile `legacy` is not needed: the device can be reached with \"security\": \"{}\"",
            strictest.as_str()
        )),
        _ if !weak.is_empty() => Some(format!(
            "{} can be broken; enable stronger algorithms on the device",
            weak.join(", ")
        )),
        _ => None,
    }
}

pub(super) fn first_contact(fingerprint: &str) -> String {
    format!("compare the host key with the device's own console: {fingerprint}")
}

pub(super) fn other_platform(device: &str, platform: &str) -> String {
    format!("set \"platform\": \"{platform}\" for `{device}`, unless you know better")
}

pub(super) fn low_mode(device: &Device) -> String {
    if device.enable.is_none() {
        format!(
            "give `{}` an `enable` secret, or give its user the privileges at login",
            device.name
        )
    } else {
        format!("the account of `{}` stays below the wanted mode in spite of `enable`", device.name)
    }
}

pub(super) fn paging() -> String {
    "the account may not switch paging off; answers are whole, but take a round trip per page"
        .to_owned()
}
