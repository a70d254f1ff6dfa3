//! Lays device text out for a model: fenced, so that what a device says is data and never an
//! instruction of ours.

use crate::operations::{CommandAnswer, DeviceAnswers, DeviceCheck, Failure, OutputPage};

/// Lays out the answers of several devices. The fence has a nonce, so that text of a device cannot
/// close it.
pub(super) fn answers(devices: &[DeviceAnswers], nonce: &str) -> String {
    let mut parts = Vec::new();
    for device in devices {
        let notice = |notice: &String| format!("[{}: {notice}]\n", device.device);
        parts.extend(device.notices.iter().map(notice));
        parts.extend(
            device.answers.iter().map(|answer| self::answer(&device.device, answer, nonce)),
        );
    }
    parts.concat()
}

fn answer(device: &str, answer: &CommandAnswer, nonce: &str) -> String {
    if let Some(failure) = &answer.error {
        return self::failure(failure, nonce);
    }
    let rest = match (&answer.output_id, answer.next_offset) {
        (Some(id), Some(next)) => cut_note(next, answer.total_bytes, id),
        _ => String::new(),
    };
    let (command, text) = (quoted(&answer.command), ended(&answer.text));
    format!(
        "<output-{nonce} device=\"{device}\" command=\"{command}\">\n{text}</output-{nonce}>\n{rest}"
    )
}

/// A quote in a command would look like the end of an attribute.
fn quoted(text: &str) -> String {
    text.replace('"', "'")
}

/// Ends a text with a newline.
fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// Lays out one failure. Our own words stand outside the fence; the message inside it, because it
/// may quote the device.
pub(super) fn failure(failure: &Failure, nonce: &str) -> String {
    let attribute = |name: &str, value: Option<&str>| {
        value.map_or_else(String::new, |value| format!(" {name}=\"{}\"", quoted(value)))
    };
    let reason = failure.reason.map_or_else(String::new, |reason| format!(" reason={reason}"));
    let hint =
        if failure.hint.is_empty() { String::new() } else { format!("next: {}\n", failure.hint) };
    format!(
        "error code={} retry={} side_effects={}{reason}{}{}\n<output-{nonce}>\n{}</output-{nonce}>\n{hint}",
        failure.code,
        failure.retry.as_str(),
        failure.side_effects.as_str(),
        attribute("device", failure.device.as_deref()),
        attribute("command", failure.command.as_deref()),
        ended(&failure.message),
    )
}

/// Lays out what the doctor saw; the device's own words are among it.
pub(super) fn checks(devices: &[DeviceCheck], nonce: &str) -> String {
    let reports: String = devices.iter().map(ToString::to_string).collect();
    format!("<output-{nonce}>\n{}</output-{nonce}>\n", ended(&reports))
}

/// Lays out a part of a kept answer.
pub(super) fn page(page: &OutputPage, offset: usize, nonce: &str) -> String {
    let end = offset.saturating_add(page.text.len());
    let next = match page.next_offset {
        Some(next) => format!("go on with offset={next}"),
        None => "this is the end".to_owned(),
    };
    format!(
        "<output-{nonce}>\n{}</output-{nonce}>\n[bytes {offset}-{end} of {}; {next}]\n",
        ended(&page.text),
        page.total_bytes
    )
}

/// Lays out the first part of a text; `id` names the whole where there is more.
pub(super) fn first_page(page: &OutputPage, id: Option<&str>, nonce: &str) -> String {
    let rest = match (id, page.next_offset) {
        (Some(id), Some(next)) => cut_note(next, page.total_bytes as u64, id),
        _ => String::new(),
    };
    format!("<output-{nonce}>\n{}</output-{nonce}>\n{rest}", ended(&page.text))
}

fn cut_note(next: usize, total: u64, id: &str) -> String {
    format!(
        "[cut: bytes 0-{next} of {total}. The rest: read_output(output_id=\"{id}\", \
         offset={next}), or only some lines with matching=\"…\"]\n"
    )
}
