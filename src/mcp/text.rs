//! Lays device text out for a model: fenced, so that what a device says is data and never an
//! instruction of ours.

use crate::operations::{DeviceAnswers, Failure, OutputPage};

/// Lays out the answers of several devices. The fence has a nonce, so that text of a device cannot
/// close it.
pub(super) fn answers(devices: &[DeviceAnswers], nonce: &str) -> String {
    let mut text = String::new();
    for device in devices {
        for notice in &device.notices {
            text.push_str(&format!("[{}: {notice}]\n", device.device));
        }
        for answer in &device.answers {
            text.push_str(&format!(
                "<output-{nonce} device=\"{}\" command=\"{}\">\n",
                device.device,
                answer.command.replace('"', "'"),
            ));
            match &answer.error {
                Some(failure) => text.push_str(&self::failure(failure)),
                None => text.push_str(&answer.text),
            }
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&format!("</output-{nonce}>\n"));
            if let (Some(id), Some(next)) = (&answer.output_id, answer.next_offset) {
                text.push_str(&format!(
                    "[cut: bytes 0-{next} of {}. The rest: read_output(output_id=\"{id}\", \
                     offset={next}), or only some lines with matching=\"…\"]\n",
                    answer.total_bytes
                ));
            }
        }
    }
    text
}

/// Lays out one failure.
pub(super) fn failure(failure: &Failure) -> String {
    let mut text = format!(
        "error code={} retry={} side_effects={}",
        failure.code,
        failure.retry.as_str(),
        failure.side_effects.as_str()
    );
    if let Some(reason) = &failure.reason {
        text.push_str(&format!(" reason={reason}"));
    }
    text.push_str(&format!("\n{}\n", failure.message));
    if !failure.hint.is_empty() {
        text.push_str(&format!("next: {}\n", failure.hint));
    }
    text
}

/// Lays out a part of a kept answer.
pub(super) fn page(page: &OutputPage, offset: usize, nonce: &str) -> String {
    let mut text = format!("<output-{nonce}>\n{}", page.text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let end = offset.saturating_add(page.text.len());
    text.push_str(&format!("</output-{nonce}>\n[bytes {offset}-{end} of {}", page.total_bytes));
    match page.next_offset {
        Some(next) => text.push_str(&format!("; go on with offset={next}]\n")),
        None => text.push_str("; this is the end]\n"),
    }
    text
}
