//! `vty-mcp parse`: shapes, options, errors and hints.

use serde_json::json;

use super::{Desk, INDEX, OUTPUT};

#[test]
fn an_output_in_a_file_is_a_table_for_people_and_json_for_programs() {
    let desk = Desk::new();
    let text = desk.parse(&["output.txt"]);
    let expected = "\
port   mtu   state  vlans
Gi0/1  1500  up     10, 20
Gi0/2  9214  down
Te1/1  9214  up
";
    assert_eq!(text.ok().out, expected);
    assert_eq!(text.err, "template ports.textfsm from mine: 3 records\n");
    let json = desk.parse(&["output.txt", "--format", "json"]);
    let first = r#"  {"port": "Gi0/1", "mtu": "1500", "state": "up", "vlans": ["10", "20"]},"#;
    assert_eq!(json.ok().out.lines().nth(1), Some(first));
    assert_eq!(json.json().as_array().unwrap().len(), 3);
    let table = desk.parse(&["output.txt", "--format", "table"]);
    assert_eq!(table.ok().json()["columns"], json!(["port", "mtu", "state", "vlans"]));
    assert_eq!(table.json()["rows"][1], json!(["Gi0/2", "9214", "down", []]));
}

#[test]
fn records_are_shaped_as_query_devices_shapes_them() {
    let desk = Desk::new();
    let parse = |arguments: &[&str]| {
        desk.parse(&[&["output.txt", "--format", "json"], arguments].concat()).ok().json()
    };
    assert_eq!(
        parse(&["--fields", "state, PORT", "--where", "mtu > 1500", "--where", "state = UP"]),
        json!([{ "state": "up", "port": "Te1/1" }])
    );
    assert_eq!(parse(&["--fields", "mtu", "--types"])[0], json!({ "mtu": 1500 }));
    assert_eq!(parse(&["--fields", "mtu", "--types=false"])[0], json!({ "mtu": "1500" }));
    let some = desk.parse(&["output.txt", "--where", "mtu > 1500"]);
    assert!(some.err.contains("3 records, of which 2 fit"), "{some:?}");
    let none = desk.parse(&["output.txt", "--where", "mtu > 99999"]);
    assert_eq!(none.ok().out, "");
    assert_eq!(parse(&["--where", "mtu > 99999"]), json!([]));
}

#[test]
fn interface_names_are_those_of_the_platform() {
    let desk = Desk::new();
    let parse = |platform: &str| {
        let said = desk.mine(&[
            "parse",
            "--platform",
            platform,
            "--command",
            "show ports",
            "output.txt",
            "--types",
            "--fields",
            "port",
            "--where",
            "port = GigabitEthernet0/2",
            "--format",
            "json",
        ]);
        said.ok().json()
    };
    assert_eq!(parse("cisco_ios"), json!([{ "port": "GigabitEthernet0/2" }]));
    assert_eq!(parse("northlake_ls"), json!([]), "no platform file tells what Gi stands for");
}

#[test]
fn a_jq_program_gets_typed_records() {
    let desk = Desk::new();
    let select = |program: &str, arguments: &[&str]| {
        desk.parse(&[&["output.txt", "--select", program], arguments].concat())
    };
    assert_eq!(select("map(.mtu) | add", &[]).ok().out, "19928\n");
    assert_eq!(select(".[].port", &[]).ok().out, "Gi0/1\nGi0/2\nTe1/1\n");
    let rows = select(".[] | select(.mtu > 1500) | {port}", &[]);
    assert_eq!(rows.ok().out, "port\nGi0/2\nTe1/1\n");
    let json = select(".[].mtu", &["--format", "json", "--where", "state = up"]);
    assert_eq!(json.ok().json(), json!([1500, 9214]));
    let texts = select(".[].mtu", &["--format", "json", "--types=false"]);
    assert_eq!(texts.ok().json()[0], "1500");
    select("map(", &[]).complained(2, &["--select", "expected", "one array of records"]);
    select(".[].port.x", &[]).complained(2, &["--select"]);
}

#[test]
fn standard_input_and_the_output_of_run_are_taken_too() {
    let desk = Desk::new();
    let arguments =
        ["--templates", "mine", "parse", "--platform", "northlake_ls", "--command", "sh por", "-"];
    assert_eq!(desk.pipe(&arguments, OUTPUT.as_bytes()).ok().out.lines().count(), 4);
    let refused = desk.pipe(&arguments, b"nonsense\n");
    refused.complained(3, &["standard input:1:", "`^. -> Error`", "--explain"]);
}

#[test]
fn aliases_and_names_that_only_an_index_knows_resolve() {
    let desk = Desk::new();
    for platform in ["iosxe", "cisco_xe", "IOS", "northlake_ls"] {
        let arguments = ["parse", "--platform", platform, "--command", "show ports", "output.txt"];
        assert!(desk.mine(&arguments).ok().err.contains("3 records"), "{platform}");
    }
    let parse = |platform: &str, command: &str| {
        desk.mine(&["parse", "--platform", platform, "--command", command, "output.txt"])
    };
    parse("nortlake_ls", "show ports").complained(2, &["`nortlake_ls`", "`northlake_ls`"]);
    parse("quux", "show ports").complained(2, &["`quux`", "vty-mcp platform list"]);
    parse("auto", "show ports").complained(2, &["name the platform"]);
    parse("northlake_ls", "show prots").complained(
        3,
        &["`show prots` on northlake_ls", "near are `show ports`", "asked: mine, built-in"],
    );
    parse("linux", "show x").complained(3, &["on linux", "asked: mine, built-in"]);
}

#[test]
fn a_platform_that_inherits_has_the_templates_of_its_ancestors() {
    let desk = Desk::new();
    desk.write("own/branch_ios.toml", "inherits = \"cisco_ios\"\ntitle = \"Branches\"\n");
    let arguments = ["parse", "--platform", "branch_ios", "--command", "show ports", "output.txt"];
    let said = desk.mine(&[&["--platforms", "own"], &arguments[..]].concat());
    assert!(said.ok().err.contains("3 records"), "{said:?}");
}

#[test]
fn a_template_in_a_file_needs_no_platform() {
    let desk = Desk::new();
    let said = desk.run(&["parse", "--template", "mine/ports.textfsm", "output.txt"]);
    assert_eq!(said.ok().out.lines().count(), 4);
    assert_eq!(said.err, "template mine/ports.textfsm: 3 records\n");
    desk.write("bad.textfsm", "Value A (.)\n\nStart\n  ^${B}\n");
    let bad = desk.run(&["parse", "--template", "bad.textfsm", "output.txt"]);
    bad.complained(2, &["bad.textfsm:4: ", "`B`", "vty-mcp templates check bad.textfsm"]);
    let missing = desk.run(&["parse", "--template", "none.textfsm", "output.txt"]);
    missing.complained(2, &["none.textfsm", "cannot be read"]);
}

#[test]
fn wrong_usage_says_what_is_valid() {
    let desk = Desk::new();
    desk.run(&["parse", "output.txt"]).complained(2, &["--platform", "--command"]);
    desk.parse(&["nowhere.txt"]).complained(2, &["nowhere.txt", "cannot be read"]);
    desk.parse(&["output.txt", "--fields", "port,speed"])
        .complained(2, &["--fields", "`speed`", "port, mtu, state, vlans"]);
    desk.parse(&["output.txt", "--where", "speed = 1"])
        .complained(2, &["--where", "`speed`", "port, mtu, state, vlans"]);
    desk.parse(&["output.txt", "--where", "mtu", "--where", "state ~ ("])
        .complained(2, &["`mtu`", "`state ~ (`", "= != < <= > >="]);
    desk.parse(&["output.txt", "--explain", "--fields", "port"]).complained(2, &["--explain"]);
    let place = desk.run(&["--templates", "nowhere", "templates", "list"]);
    place.complained(2, &["nowhere"]);
}

#[test]
fn what_was_left_in_an_output_is_told_and_not_taken_away() {
    let desk = Desk::new();
    for (text, hint) in [
        (format!("ls1# show ports\n{OUTPUT}"), "line 1 looks like a prompt with the command"),
        (format!("show ports\n{OUTPUT}"), "line 1 looks like a prompt with the command"),
        (format!("\u{feff}{OUTPUT}"), "byte order mark"),
    ] {
        desk.write("left.txt", &text);
        desk.parse(&["left.txt"]).complained(3, &["left.txt:1:", "comes from mine", hint]);
        desk.parse(&["left.txt", "--explain"]).complained(3, &["left.txt:1:", hint]);
    }
    desk.write("crlf.txt", OUTPUT.replace('\n', "\r\n"));
    let crlf = desk.parse(&["crlf.txt"]);
    assert_eq!(crlf.ok().out, desk.parse(&["output.txt"]).out);
    let clean = desk.parse(&["output.txt"]);
    assert!(!clean.ok().err.contains("looks like"), "{clean:?}");
    desk.write("empty.textfsm", "Value A (x)\n\nStart\n  ^${A} -> Record\n");
    desk.write("echo.txt", "ls1#show all\ny\n");
    let empty = desk.run(&["parse", "--template", "empty.textfsm", "echo.txt"]);
    assert!(empty.ok().err.contains("looks like a prompt with the command"), "{empty:?}");
}

#[test]
fn bytes_that_are_no_text_are_read_as_far_as_possible() {
    let desk = Desk::new();
    let mut bytes = OUTPUT.replace("total 3", "-- ").into_bytes();
    bytes.extend(b"\xe9\n");
    desk.write("latin.txt", bytes);
    let said = desk.parse(&["latin.txt"]);
    assert_eq!(said.ok().out.lines().count(), 4);
    assert!(said.err.contains("latin.txt:8: bytes that are not UTF-8"), "{said:?}");
    desk.write("utf16.txt", b"\xff\xfep\0o\0");
    desk.parse(&["utf16.txt"]).complained(2, &["utf16.txt", "UTF-16", "UTF-8"]);
}

#[test]
fn hostile_output_cannot_speak_to_the_terminal() {
    let desk = Desk::new();
    desk.write("any.textfsm", "Value A (.*)\n\nStart\n  ^${A} -> Record\n\nEOF\n");
    desk.write("hostile.txt", "\u{1b}]0;owned\u{7}\u{202e}x\n");
    for arguments in [&[][..], &["--explain"]] {
        let parse = ["parse", "--template", "any.textfsm", "hostile.txt"];
        let said = desk.run(&[&parse, arguments].concat());
        assert!(said.ok().out.contains("\\x1b]0;owned\\x07"), "{said:?}");
        assert!(!said.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn an_explanation_covers_every_template_of_a_row() {
    let desk = Desk::new();
    desk.write("mine/index", format!("{INDEX}ports.textfsm:names.textfsm, .*, both, show both\n"));
    desk.write("mine/names.textfsm", "Value NAME (x)\n\nStart\n  ^${NAME}\n");
    let arguments = ["parse", "--platform", "both", "--command", "show both", "output.txt"];
    let said = desk.mine(&[&arguments[..], &["--explain"]].concat());
    said.ok().answered(&[
        "template ports.textfsm\n",
        "template names.textfsm\n",
        "3 records together",
    ]);
}

#[test]
fn a_template_that_cannot_be_used_is_named_by_its_file() {
    let desk = Desk::new();
    desk.write("mine/bad.textfsm", "Value A (.)\n\nStart\n  ^${A}(\n");
    let rows = "bad.textfsm, .*, p, show bad\nlost.textfsm, .*, p, show lost\n";
    desk.write("mine/index", format!("{INDEX}{rows}"));
    let ask = |command: &str| {
        let parse = ["parse", "--platform", "p", "--command", command, "output.txt"];
        let which = ["templates", "which", "--platform", "p", command];
        [desk.mine(&parse), desk.mine(&[&parse[..], &["--explain"]].concat()), desk.mine(&which)]
    };
    for said in ask("show bad") {
        said.complained(2, &["mine/bad.textfsm:4: ", "vty-mcp templates check mine/bad.textfsm"]);
    }
    for said in ask("show lost") {
        said.complained(2, &["mine/index:5: ", "`lost.textfsm` does not exist"]);
    }
}

#[test]
fn an_empty_output_is_told_from_one_without_entries() {
    let desk = Desk::new();
    desk.write("empty.txt", "");
    let said = desk.parse(&["empty.txt"]);
    assert!(said.ok().err.contains("empty.txt: there is nothing in it"), "{said:?}");
    desk.write("heading.txt", "port mtu state\n");
    let said = desk.parse(&["heading.txt"]);
    assert_eq!(said.ok().err, "template ports.textfsm from mine: 0 records\n");
}
