//! What docs/templates.md shows is what happens.

use std::path::Path;

use serde_json::json;

use super::Desk;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    std::fs::read_to_string(path).unwrap()
}

/// The fenced blocks of a page that are marked so, in order, without the blanks of a list around them.
fn blocks(page: &str, mark: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(margin) = line.strip_suffix(&format!("```{mark}")) else { continue };
        let end = format!("{margin}```");
        let inside = lines.by_ref().take_while(|line| *line != end);
        let inside: Vec<&str> =
            inside.map(|line| line.strip_prefix(margin).unwrap_or(line)).collect();
        blocks.push(inside.join("\n"));
    }
    blocks
}

#[test]
fn the_example_of_the_documentation_works() {
    let desk = Desk::new();
    let page = page();
    let template = blocks(&page, "textfsm");
    let output = blocks(&page, "output");
    assert_eq!((template.len(), output.len()), (1, 1));
    desk.write("northlake_ls_show_ports.textfsm", &template[0]);
    desk.write("ports.txt", format!("{}\n", output[0]));
    let parse = ["parse", "--template", "northlake_ls_show_ports.textfsm", "ports.txt"];
    let text = desk.run(&parse);
    assert!(page.contains(&format!("\n```text\n{}```", text.ok().out)), "{}", text.out);
    let explained = desk.run(&[&parse[..], &["--explain"]].concat());
    let pieces = blocks(&page, "explained");
    assert_eq!(pieces.len(), 1);
    for piece in pieces {
        assert!(explained.ok().out.contains(&piece), "{piece}\nis not in\n{}", explained.out);
    }
    let checked = desk.run(&["templates", "check", "northlake_ls_show_ports.textfsm"]);
    assert!(page.contains(&checked.ok().out), "{}", checked.out);
}

#[test]
fn the_programs_of_the_documentation_run() {
    let page = page();
    let records = json!([
        { "device": "r1", "interface": "Gi0/1", "mtu": 1500, "link_status": "up" },
        { "device": "r2", "interface": "Gi0/1", "mtu": 9000, "link_status": "down" },
    ]);
    let programs = blocks(&page, "jq");
    assert_eq!(programs.len(), 4);
    for program in programs {
        let values = vty_mcp::parse::select::run(&program, &records, 10_000);
        assert!(values.is_ok_and(|values| !values.is_empty()), "{program}");
    }
}
