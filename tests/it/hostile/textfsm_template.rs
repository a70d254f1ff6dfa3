//! A TextFSM template of any content on any output: refused with a reason, or records of its shape.

use vty_mcp::parse::textfsm::Template;

/// Reads any bytes as a template and, behind a NUL, as an output.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Without an output of its own the template meets its own lines.
    let (template, output) = text.split_once('\0').unwrap_or((&text, &text));
    let template = match Template::read("any", template) {
        Ok(template) => template,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    drop(template.check());
    let columns = template.columns().count();
    if let Ok(records) = template.run(output) {
        assert!(records.iter().all(|record| record.len() == columns));
        assert_eq!(template.run(output).unwrap(), records);
    }
}
