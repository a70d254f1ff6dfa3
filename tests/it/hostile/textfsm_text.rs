//! Our own templates on an output of any content: refused with a reason, or records of their shape,
//! and the same whether the run is watched, bounded or neither.

use std::path::Path;
use std::sync::LazyLock;

use vty_mcp::parse::textfsm::{Budget, Template};

/// All templates of `templates/`, in a fixed order.
static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    // The fuzzer's package lies beside them.
    let directory = if directory.is_dir() {
        directory
    } else {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates")
    };
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "textfsm"));
    paths.sort();
    let read = |path| Template::read("ours", &std::fs::read_to_string(path).unwrap()).unwrap();
    paths.iter().map(read).collect()
});

/// The first two bytes choose the template, the others are the output.
pub(crate) fn check(data: &[u8]) {
    let Some((choice, output)) = data.split_first_chunk::<2>() else { return };
    let output = String::from_utf8_lossy(output);
    let template = &TEMPLATES[usize::from(u16::from_le_bytes(*choice)) % TEMPLATES.len()];
    let columns = template.columns().count();
    let records = template.run(&output);
    match &records {
        Ok(records) => assert!(records.iter().all(|record| record.len() == columns)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let explained = template.explain(&output);
    assert_eq!(explained.result, records);
    assert!(explained.lines.iter().zip(1..).all(|(line, number)| line.number == number));
    if let Ok(records) = records {
        let tight = Budget { records: records.len(), ..Budget::default() };
        assert_eq!(template.run_within(&output, &tight).as_ref(), Ok(&records));
        // A long output is matched another way, which must not show.
        let often = output.lines().count().clamp(1, 50);
        let repeated = format!("{output}\n").repeat(500 / often + 1);
        drop(template.run(&repeated));
        assert_eq!(template.run(&output).as_ref(), Ok(&records));
    }
}
