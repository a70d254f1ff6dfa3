//! `vty-mcp templates`: rows, sources, problems, and recorded outputs.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{Desk, INDEX, OUTPUT, PORTS};

#[test]
fn a_list_has_the_rows_in_the_order_in_which_they_are_asked() {
    let desk = Desk::new();
    let said = desk.mine(&["templates", "list", "--platform", "ios", "--json"]);
    let rows = said.ok().json();
    let row = json!({ "source": "mine", "line": 3, "platform": "cisco_ios", "command": "sh[[ow]] por[[ts]]",
                      "template": "ports.textfsm" });
    assert_eq!(rows[0], row);
    assert!(rows.as_array().unwrap().len() > 1 && rows[1]["source"] == "built-in", "{rows}");
    let text = desk.mine(&["templates", "list"]);
    let lines: Vec<&str> = text.ok().out.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["platform", "command", "template", "source"]
    );
    assert!(lines[1].starts_with("northlake_ls ") && lines[1].ends_with(" mine"), "{}", lines[1]);
    let none = desk.run(&["templates", "list", "--platform", "linux"]);
    assert_eq!((none.ok().out.as_str(), none.err.contains("asked: built-in")), ("", true));
    desk.run(&["templates", "list", "--platform", "quux"]).complained(2, &["`quux`"]);
}

#[test]
fn which_names_template_source_row_and_fields() {
    let desk = Desk::new();
    desk.write("theirs/index", INDEX.replace("ports.textfsm", "x.textfsm"));
    desk.write("theirs/x.textfsm", PORTS);
    let which = |command: &str| {
        desk.mine(&["--templates", "theirs", "templates", "which", "--platform", "ios", command])
    };
    which("sh port").ok().answered(&[
        "template  ports.textfsm\n",
        "source    mine\n",
        "row       mine/index:3: cisco_ios, sh[[ow]] por[[ts]]\n",
        "fields    port, mtu, state, vlans\n",
        "\n  mine      answers\n  theirs    not asked; it has x.textfsm\n  built-in  has none\n",
    ]);
    which("show prots").complained(3, &["`show prots` on cisco_ios", "near are `show ports`"]);
}

#[test]
fn a_check_names_file_and_line_of_every_problem() {
    let desk = Desk::new();
    desk.mine(&["templates", "check"])
        .ok()
        .answered(&["mine: 1 template, in order\n", "built-in: "]);
    desk.run(&["templates", "check", "mine/ports.textfsm"])
        .ok()
        .answered(&["1 template, in order"]);
    desk.write("mine/lonely.textfsm", PORTS);
    desk.write("mine/bad.textfsm", "Value A (.)\n\nStart\n  ^(${A} -> Record\n");
    let rows = "bad.textfsm, .*, p, show bad\nlost.textfsm, .*, p, show lost\nshort, row\n\
                ports.textfsm, .*, p, show (\n";
    desk.write("mine/index", format!("{INDEX}{rows}"));
    let said = desk.run(&["templates", "check", "mine"]);
    said.complained(
        2,
        &[
            "mine/bad.textfsm:4: ",
            "mine/index:5: the template `lost.textfsm` does not exist\n",
            "mine/index:6: a wrong number of commas\n",
            "mine/index:7: ",
            "mine/lonely.textfsm: warning: no row of the index names this template",
        ],
    );
    said.answered(&["mine: 3 templates, 4 problems, 1 warning\n"]);
    assert_eq!(desk.run(&["templates", "check", "mine/index"]).out, said.out);
    let two = desk.run(&["templates", "check", "mine/bad.textfsm", "nowhere.textfsm"]);
    two.complained(2, &["mine/bad.textfsm:4: ", "nowhere.textfsm: cannot be read"]);
    std::fs::remove_file(desk.path("mine/index")).unwrap();
    let without = desk.run(&["templates", "check", "mine"]);
    without.complained(2, &["mine/bad.textfsm:4: ", "mine: warning: there is no file `index`"]);
    desk.write("broken.whl", "no archive");
    desk.run(&["templates", "check", "broken.whl"]).complained(2, &["broken.whl", "a wheel"]);
}

#[test]
fn values_that_differ_in_case_only_are_warned_of() {
    let desk = Desk::new();
    let template = PORTS.replace("Value MTU", "Value Port (x)\nValue MTU");
    desk.write("mine/ports.textfsm", &template);
    for path in ["mine", "mine/ports.textfsm"] {
        let check = desk.run(&["templates", "check", path]);
        check.ok().answered(&["1 template, in order, 1 warning\n"]);
        assert!(check.err.contains("ports.textfsm: warning: another Value"), "{}", check.err);
        assert!(check.err.contains("`Port`"), "{}", check.err);
    }
    // An index that is none is inspected, and nothing answers from it.
    desk.write("stray/index", "hello");
    desk.run(&["templates", "check", "stray"]).complained(2, &["stray/index:1: the header"]);
    let asked = ["--templates", "stray", "templates", "list"];
    desk.run(&asked).complained(2, &["stray", "the header has no column `Template`"]);
}

#[test]
fn a_wheel_is_used_as_a_directory_is() {
    let desk = Desk::new();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(desk.path("ntc.whl")).unwrap());
    let files = [("index", INDEX), ("ports.textfsm", PORTS), ("lonely.textfsm", PORTS)];
    for (name, text) in files {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("ntc_templates/templates/{name}"), options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    let wheel = |arguments: &[&str]| desk.run(&[&["--templates", "ntc.whl"], arguments].concat());
    let arguments = ["parse", "--platform", "northlake_ls", "--command", "sh ports", "output.txt"];
    assert_eq!(wheel(&arguments).ok().err, "template ports.textfsm from ntc.whl: 3 records\n");
    wheel(&["templates", "which", "--platform", "northlake_ls", "show ports"])
        .ok()
        .answered(&["ntc.whl/ntc_templates/templates/index:2: northlake_ls"]);
    let check = desk.run(&["templates", "check", "ntc.whl"]);
    check.ok().answered(&["ntc.whl: 1 template, in order, 1 warning\n"]);
    assert!(check.err.contains("ntc.whl/ntc_templates/templates/lonely.textfsm: warning"));
}

#[test]
fn recorded_outputs_are_held_against_their_records() {
    let desk = Desk::new();
    desk.write("cases/northlake_ls/show_ports/1.raw", OUTPUT);
    desk.write("cases/northlake_ls/show_ports/2.raw", "port mtu state\n");
    let test =
        |arguments: &[&str]| desk.mine(&[&["templates", "test", "cases"], arguments].concat());
    let missing = test(&[]);
    missing.complained(3, &["show_ports/1.json does not exist", "--write"]);
    missing
        .answered(&["1.raw: FAILED, ports.textfsm from mine\n", "2 cases: 0 passed, 2 failed\n"]);
    assert!(!desk.path("cases/northlake_ls/show_ports/1.json").exists());
    test(&["--write"]).ok().answered(&["1.json: written", "0 passed, 0 failed, 2 written\n"]);
    test(&[])
        .ok()
        .answered(&["1.raw: passed, ports.textfsm from mine\n", "2 cases: 2 passed, 0 failed\n"]);
    let written =
        std::fs::read_to_string(desk.path("cases/northlake_ls/show_ports/1.json")).unwrap();
    assert_eq!(written, desk.parse(&["output.txt", "--format", "json"]).out);
    // Whoever corrects an expectation does not lose it.
    desk.write("cases/northlake_ls/show_ports/1.json", written.replace("9214", "9216"));
    let differs = test(&["--write"]);
    assert_eq!(differs.code, Some(3));
    differs.answered(&[
        "--- expected\n+++ got\n",
        "-    \"mtu\": \"9216\"",
        "+    \"mtu\": \"9214\"",
    ]);
    desk.write("cases/northlake_ls/show_ports/1.json", "[{]");
    test(&[]).complained(3, &["show_ports/1.json:1:3: this is no JSON"]);
    desk.write("cases/northlake_ls/show_ports/1.raw", "nonsense\n");
    desk.write("cases/northlake_ls/show_ports/3.json", "[]");
    test(&[]).complained(3, &["1.raw: rule `^. -> Error`", "3.json: warning: there is no output"]);
}

#[test]
fn cases_resolve_aliases_or_use_a_template_of_their_own() {
    let desk = Desk::new();
    desk.write("cases/iosxe/show_ports/1.raw", OUTPUT);
    desk.mine(&["templates", "test", "cases/iosxe/show_ports", "--write"]).ok();
    desk.mine(&["templates", "test", "cases/iosxe/show_ports"]).ok().answered(&["1 passed"]);
    desk.run(&["templates", "test", "cases"])
        .complained(3, &["no template is known for `show ports`"]);
    desk.write("loose/a.raw", OUTPUT);
    let with = ["templates", "test", "loose", "--template", "mine/ports.textfsm"];
    desk.run(&[&with[..], &["--write"]].concat()).ok();
    desk.run(&with).ok().answered(&["loose/a.raw: passed, mine/ports.textfsm\n"]);
    desk.run(&["templates", "test", "mine"])
        .complained(2, &["no case is there", "1.raw", "1.json"]);
    desk.run(&["templates", "test", "nowhere"]).complained(2, &["nowhere: cannot be read"]);
}

/// The cases of this project in the eyes of the command.
#[test]
fn the_cases_of_this_project_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let desk = Desk::new();
    let said = desk.run(&["templates", "test", root.join("tests/data/outputs").to_str().unwrap()]);
    said.ok().answered(&[" 0 failed\n"]);
}
