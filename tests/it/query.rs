//! `query_devices`: records, native JSON and text, filtered and shaped as asked.

use std::path::Path;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::lab::LabDevice;
use vty_mcp::operations::{QueryRequest, ReadRequest};

use crate::support::{Client, Fleet, call, connect, text};

const BRIEF: &str = "show ip interface brief";

async fn query(client: &Client, arguments: Value) -> Value {
    let result = call(client, "query_devices", arguments.clone()).await;
    assert_eq!(result.is_error, Some(false), "{arguments}: {}", text(&result));
    result.structured_content.unwrap()
}

async fn refused(client: &Client, arguments: Value) -> String {
    let result = call(client, "query_devices", arguments.clone()).await;
    assert_eq!(result.is_error, Some(true), "{arguments}: {}", text(&result));
    text(&result)
}

/// Two devices of two vendors with interfaces of known state.
fn pair() -> Vec<LabDevice> {
    let ios = "\
Interface              IP-Address      OK? Method Status                Protocol
GigabitEthernet0/0     192.0.2.1       YES NVRAM  up                    up
GigabitEthernet0/1     unassigned      YES unset  administratively down down
Loopback0              10.255.0.1      YES NVRAM  up                    up
";
    let eos = "                                                                             Address
Interface       IP Address          Status     Protocol         MTU    Owner
--------------- ------------------- ---------- ------------- --------- -------
Ethernet1       192.0.2.2/30        up         up              9214
Loopback0       10.255.0.2/32       up         up             65535
";
    vec![
        LabDevice::new("r1", "cisco_ios").command(BRIEF, ios),
        LabDevice::new("sw1", "arista_eos").command(BRIEF, eos),
    ]
}

#[tokio::test]
async fn several_devices_answer_in_one_table() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    let fields = json!(["interface", "ip_address", "mtu"]);
    let value =
        query(&client, json!({ "devices": ["r1", "sw1"], "command": BRIEF, "fields": fields }))
            .await;
    assert_eq!(value["table"]["columns"], json!(["device", "interface", "ip_address", "mtu"]));
    let rows = json!([
        ["r1", "GigabitEthernet0/0", "192.0.2.1", null],
        ["r1", "GigabitEthernet0/1", "unassigned", null],
        ["r1", "Loopback0", "10.255.0.1", null],
        ["sw1", "Ethernet1", "192.0.2.2", "9214"],
        ["sw1", "Loopback0", "10.255.0.2", "65535"],
    ]);
    assert_eq!(value["table"]["rows"], rows);
    assert_eq!(value["devices"][1]["total_records"], 2);
    assert!(
        value["devices"][0]["notices"][0].as_str().unwrap().contains("no field mtu"),
        "{value}"
    );
    assert!(value.get("next_cursor").is_none());
    fleet.stop().await;
}

#[tokio::test]
async fn conditions_and_types_work_on_records_of_every_vendor() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    let up = query(
        &client,
        json!({ "devices": ["r1", "sw1"], "command": BRIEF, "fields": ["interface"],
                "where": ["status = UP", "ip_address in 192.0.2.0/24"] }),
    )
    .await;
    assert_eq!(up["table"]["rows"], json!([["r1", "GigabitEthernet0/0"], ["sw1", "Ethernet1"]]));
    let short = query(
        &client,
        json!({ "devices": ["r1"], "command": BRIEF, "where": ["interface = gi0/1"] }),
    )
    .await;
    assert_eq!(short["devices"][0]["records"][0]["status"], "administratively down");
    let typed = query(
        &client,
        json!({ "devices": ["sw1"], "command": BRIEF, "types": true, "fields": ["mtu"] }),
    )
    .await;
    assert_eq!(typed["devices"][0]["records"], json!([{ "mtu": 9214 }, { "mtu": 65535 }]));
    let nothing =
        query(&client, json!({ "devices": ["sw1"], "command": BRIEF, "where": ["mtu > 70000"] }))
            .await;
    let device = &nothing["devices"][0];
    assert_eq!(
        (&device["status"], &device["records"], &device["total_records"]),
        (&json!("parsed"), &json!([]), &json!(0))
    );
    fleet.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_conditions_fields_and_programs_is_said() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    for (argument, part) in [
        (json!({ "where": ["mtu 5"] }), "column operator value"),
        (json!({ "where": ["nonsense > 5"] }), "no field `nonsense`"),
        (json!({ "fields": ["nonsense"] }), "its fields are interface, ip_address"),
        (json!({ "select": ".[" }), "closing bracket"),
        (json!({ "select": "nonsense" }), "no function `nonsense/0`"),
        (json!({ "limit": 0 }), "limit"),
        (json!({ "where": vec!["mtu > 1"; 21] }), "conditions is 21"),
        (json!({ "fields": vec!["mtu"; 201] }), "fields is 201"),
        (json!({ "fields": ["device"] }), "device alone"),
        (json!({ "cursor": "guess.5" }), "cursor is unknown"),
        (json!({ "cursor": "guess" }), "cursor is unknown"),
        (json!({ "format": "xml" }), "native_as_is"),
        (json!({ "template": "Value A (a)" }), "switched off"),
    ] {
        let mut arguments = json!({ "devices": ["sw1"], "command": BRIEF });
        for (key, value) in argument.as_object().unwrap() {
            arguments[key] = value.clone();
        }
        let told = refused(&client, arguments).await;
        assert!(told.contains(part), "{argument}: {told}");
    }
    fleet.stop().await;
}

#[tokio::test]
async fn one_program_works_on_the_records_of_all_devices() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    let both = json!(["r1", "sw1"]);
    let program = "map(select(.status == \"up\" and (.ip_address | startswith(\"10.\")))) | \
                   .[] | {device, interface, mtu}";
    let value =
        query(&client, json!({ "devices": both, "command": BRIEF, "select": program })).await;
    assert_eq!(
        value["table"],
        json!({ "columns": ["device", "interface", "mtu"],
                "rows": [["r1", "Loopback0", null], ["sw1", "Loopback0", 65535]] })
    );
    // One array of objects is as good as the objects, and has pages.
    let arguments = json!({ "devices": both, "command": BRIEF, "limit": 2,
        "select": "sort_by(.interface) | map({device, interface})" });
    let value = query(&client, arguments).await;
    assert_eq!(
        value["table"]["rows"],
        json!([["sw1", "Ethernet1"], ["r1", "GigabitEthernet0/0"]]),
        "{value}"
    );
    assert_eq!((&value["total"], value["next_cursor"].is_string()), (&json!(5), true));
    let program = "group_by(.device) | map({(.[0].device): length}) | add";
    let arguments =
        json!({ "devices": both, "command": BRIEF, "select": program, "format": "records" });
    assert_eq!(query(&client, arguments).await["values"], json!([{ "r1": 3, "sw1": 2 }]));
    let arguments = json!({ "devices": both, "command": BRIEF, "select": "map(.mtu)[]" });
    assert_eq!(query(&client, arguments).await["values"], json!([null, null, null, 9214, 65535]));
    let arguments = json!({ "devices": both, "command": BRIEF, "select": "empty" });
    assert_eq!(query(&client, arguments).await["values"], json!([]));
    fleet.stop().await;
}

#[tokio::test]
async fn a_program_does_not_hide_that_devices_gave_nothing() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    let program = ".[] | .x.y | to_entries[]";
    let arguments = json!({ "devices": ["nobody"], "command": BRIEF, "select": program });
    let told = refused(&client, arguments).await;
    assert!(told.contains("unknown_device") && !told.contains("jq"), "{told}");
    let arguments = json!({ "devices": ["r1", "nobody"], "command": BRIEF, "select": program });
    let told = refused(&client, arguments).await;
    assert!(told.contains("cannot use null") && told.contains("nothing from nobody"), "{told}");
    fleet.stop().await;
}

#[tokio::test]
async fn a_program_that_takes_too_much_is_ended_and_nothing_else() {
    let settings = "[limits]\nselect_seconds = 1\nselect_bytes = 100000000\n";
    let fleet = Fleet::start(pair()).await.with_settings(settings);
    let client = connect(&fleet.operations).await;
    for (program, reason) in [
        ("def f: f; f", "longer than 1 s"),
        ("[range(1e9)] | length", "more memory than its 95 MiB"),
        ("def f: [f]; f", "memory"),
        ("[limit(1e7; repeat(\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"))] | length", "memory"),
    ] {
        let arguments = json!({ "devices": ["sw1"], "command": BRIEF, "select": program });
        let told = refused(&client, arguments).await;
        assert!(told.contains(reason), "{program}: {told}");
    }
    let arguments = json!({ "devices": ["sw1"], "command": BRIEF, "select": "length" });
    assert_eq!(query(&client, arguments).await["values"], json!([2]));
    fleet.stop().await;
}

#[tokio::test]
async fn pages_add_up_and_ask_the_device_once() {
    let header =
        "Interface              IP-Address      OK? Method Status                Protocol\n";
    let row = |n: usize| {
        format!(
            "Loopback{n:<14} 10.0.{}.{}     YES NVRAM  up                    up\n",
            n / 250,
            n % 250
        )
    };
    let long: String = std::iter::once(header.to_owned()).chain((0..900).map(row)).collect();
    let fleet = Fleet::start(vec![LabDevice::new("r1", "cisco_ios").command(BRIEF, long)]).await;
    let client = connect(&fleet.operations).await;
    for (format, limit) in [("records", 200), ("table", 10_000)] {
        let mut arguments =
            json!({ "devices": ["r1"], "command": BRIEF, "format": format, "limit": limit });
        let asked = || {
            let observed = fleet.device("r1").observed();
            observed.commands().iter().filter(|command| **command == BRIEF).count()
        };
        let before = asked();
        let (mut seen, mut pages) = (Vec::new(), 0);
        loop {
            let value = query(&client, arguments.clone()).await;
            pages += 1;
            let rows = match format {
                "records" => &value["devices"][0]["records"],
                _ => &value["table"]["rows"],
            };
            for row in rows.as_array().unwrap() {
                let interface = row.get("interface").or_else(|| row.get(1));
                seen.push(interface.unwrap().as_str().unwrap().to_owned());
            }
            match value.get("next_cursor") {
                Some(cursor) => {
                    assert_eq!(value["total"], 900);
                    arguments["cursor"] = cursor.clone();
                }
                None => break,
            }
        }
        let expected: Vec<String> = (0..900).map(|n| format!("Loopback{n}")).collect();
        assert_eq!(seen, expected, "{format}");
        assert!(pages > 1, "{format}");
        assert_eq!(asked() - before, 1, "{format}: {pages} pages");
        arguments["fields"] = json!(["interface"]);
        let told = refused(&client, arguments).await;
        assert!(told.contains("belongs to another query"), "{told}");
    }
    fleet.stop().await;
}

#[tokio::test]
async fn devices_that_speak_json_answer_in_it() {
    let eos = json!({ "version": "4.30.1F", "memTotal": 8_098_572, "password": "hunter2-canary" });
    let nxos = json!({ "TABLE_x": { "ROW_x": { "intf": "Eth1/1" } } });
    let junos = json!({ "alarm-information": [{ "count": [{ "data": "2" }] }] });
    let fleet = Fleet::start(vec![
        LabDevice::new("sw1", "arista_eos")
            .command("show hardware counter drop | json", format!("{eos}\n")),
        LabDevice::new("n9k", "cisco_nxos").command("show feature-set | json", format!("{nxos}\n")),
        LabDevice::new("fw1", "juniper_junos")
            .command("show system virtual-memory | display json", format!("{junos}\n")),
    ])
    .await;
    let client = connect(&fleet.operations).await;
    for (device, command, format, expected) in [
        (
            "n9k",
            "show feature-set",
            "auto",
            json!({ "TABLE_x": { "ROW_x": [{ "intf": "Eth1/1" }] } }),
        ),
        ("n9k", "show feature-set", "native_as_is", nxos.clone()),
        (
            "n9k",
            "show feature-set | json",
            "records",
            json!({ "TABLE_x": { "ROW_x": [{ "intf": "Eth1/1" }] } }),
        ),
        (
            "fw1",
            "show system virtual-memory",
            "native",
            json!({ "alarm-information": [{ "count": "2" }] }),
        ),
        (
            "fw1",
            "show system virtual-memory | no-more",
            "native",
            json!({ "alarm-information": [{ "count": "2" }] }),
        ),
        ("fw1", "show system virtual-memory", "native_as_is", junos.clone()),
    ] {
        let arguments = json!({ "devices": [device], "command": command, "format": format });
        let value = query(&client, arguments).await;
        assert_eq!(value["devices"][0]["status"], "native", "{command} {format}: {value}");
        assert_eq!(value["devices"][0]["data"], expected, "{command} {format}");
    }
    let arguments = json!({ "devices": ["sw1"], "command": "show hardware counter drop" });
    let value = query(&client, arguments).await;
    assert_eq!(value["devices"][0]["data"]["memTotal"], 8_098_572);
    assert!(!value.to_string().contains("hunter2-canary"), "{value}");
    let select = ".[] | {device, total: .data.memTotal}";
    let arguments =
        json!({ "devices": ["sw1"], "command": "show hardware counter drop", "select": select });
    assert_eq!(query(&client, arguments).await["table"]["rows"], json!([["sw1", 8_098_572]]));
    fleet.stop().await;
}

#[tokio::test]
async fn a_device_that_refuses_json_answers_in_text() {
    let fleet = Fleet::start(vec![
        LabDevice::new("sw1", "arista_eos")
            .command("show odd | json", "% This is an unconverted command\n")
            .command("show odd", "odd text\n"),
        LabDevice::new("r1", "cisco_ios").command("show odd", "odd text\n"),
        LabDevice::new("n9k", "cisco_nxos").command("show odd | json", "odd text\n"),
    ])
    .await;
    let client = connect(&fleet.operations).await;
    for (device, format, status) in [
        ("sw1", "auto", "no_template"),
        ("sw1", "native", "no_native"),
        ("sw1", "records", "no_template"),
        ("n9k", "auto", "no_native"),
        ("r1", "auto", "no_template"),
        ("r1", "native", "no_native"),
    ] {
        let command = if device == "n9k" { "show odd | json" } else { "show odd" };
        let arguments = json!({ "devices": [device], "command": command, "format": format });
        let value = query(&client, arguments).await;
        let answer = &value["devices"][0];
        assert_eq!(
            (&answer["status"], &answer["text"]),
            (&json!(status), &json!("odd text\n")),
            "{device} {format}"
        );
    }
    fleet.stop().await;
}

#[tokio::test]
async fn secrets_cannot_be_found_out_by_conditions_programs_or_templates() {
    let config = "username a password 0 hunter2-canary\nsnmp-server community c0mm-canary RO\n\
        -----BEGIN RSA PRIVATE KEY-----\nMIIcanaryAAAAAAAAAAAAAAAAAAAAAAAA\n-----END RSA PRIVATE KEY-----\n";
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").command("show odd", config)])
        .await
        .with_settings("[templates]\nallow_inline = true\n");
    let client = connect(&fleet.operations).await;
    // The names of the fields say nothing of secrets, and a pattern may pick a part of one.
    let template = "Value USER (\\S+)\nValue X (.*)\nValue Y (hun|c0m|MII)\n\nStart\n  \
        ^username ${USER} password 0 ${X} -> Record\n  ^.* ${Y} -> Record\n  ^${Y} -> Record\n  ^snmp-server \\S+ ${X} -> Record\n\nEOF\n";
    let base = json!({ "devices": ["r1"], "command": "show odd", "template": template });
    let whole = query(&client, base.clone()).await;
    assert_eq!(whole["devices"][0]["source"], "call");
    assert_eq!(whole["devices"][0]["records"][0]["user"], "a", "{whole}");
    assert!(!whole.to_string().contains("canary") && !whole.to_string().contains("MII"), "{whole}");
    let mut guess = base.clone();
    guess["where"] = json!(["x ~ canary"]);
    assert_eq!(query(&client, guess).await["devices"][0]["total_records"], 0);
    let mut guess = base.clone();
    guess["select"] = json!("any(.[]; .x | test(\"canary\"))");
    assert_eq!(query(&client, guess).await["values"], json!([false]));
    // An error quotes the line that it stopped at.
    let mut error = base;
    error["template"] =
        json!("Value A (a)\n\nStart\n  ^[A-Za-z0-9+/=]{20,}$$ -> Error\n  ^.*canary -> Error\n");
    let told = query(&client, error).await;
    assert!(!told.to_string().contains("canary"), "{told}");
    fleet.stop().await;
}

/// Templates of a catalogue see the text as it is, but what is hidden in the text is hidden in records
/// too, whatever the field is called.
#[tokio::test]
async fn what_is_a_secret_in_the_text_is_one_in_every_field() {
    let output = "Community name: c0mm-canary\nuser a password 0 hunter2-canary\n";
    let fleet = Fleet::start(vec![
        LabDevice::new("r1", "cisco_ios").command("show odd", output),
        LabDevice::new("r2", "cisco_ios")
            .command("show odd", "-----BEGIN RSA PRIVATE KEY-----\nMIIcanaryAAAAAAAAAAAA\n"),
    ])
    .await;
    let directory = fleet.directory.path().join("templates");
    std::fs::create_dir(&directory).unwrap();
    let index = "Template, Hostname, Platform, Command\nodd.textfsm, .*, cisco_ios$, show odd\n";
    std::fs::write(directory.join("index"), index).unwrap();
    let template = "Value NAME (\\S+)\n\nStart\n  ^user \\S+ password 0 ${NAME} -> Record\n  ^MII -> Error\n  ^.*\n\nEOF\n";
    std::fs::write(directory.join("odd.textfsm"), template).unwrap();
    let settings = format!("[templates]\ndirectories = [{:?}]\n", directory.display().to_string());
    let fleet = fleet.with_settings(&settings);
    let client = connect(&fleet.operations).await;
    let arguments = json!({ "devices": ["r1", "r2"], "command": "show odd", "format": "records" });
    let value = query(&client, arguments).await;
    assert_eq!(value["devices"][0]["total_records"], 1, "{value}");
    assert_eq!(value["devices"][1]["status"], "parse_error", "{value}");
    assert!(
        value["devices"][1]["error"]["message"].as_str().unwrap().contains("a line with a secret")
    );
    assert!(!value.to_string().contains("canary"), "{value}");
    fleet.stop().await;
}

#[tokio::test]
async fn what_a_program_makes_up_is_cleaned_and_cut() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    let ask = |program: &str| json!({ "devices": ["sw1"], "command": BRIEF, "select": program });
    let made = query(&client, ask("\"G1sySg==\" | @base64d")).await;
    assert!(!made.to_string().contains("\\u001b"), "{made}");
    // Objects that have no key in common are no table, and one array is its items.
    let apart = query(&client, ask("[range(3000) | {(\"k\\(.)\"): 1}]")).await;
    assert!(apart.get("table").is_none() && apart["next_cursor"].is_string(), "{apart}");
    assert_eq!(apart["total"], 3000);
    // A value that fits no page is kept as a whole.
    let large = query(&client, ask("{all: [range(30000)]}, 5")).await;
    let id = large["values"][0]["output_id"].as_str().unwrap();
    let page = call(&client, "read_output", json!({ "output_id": id })).await;
    assert!(text(&page).contains("\"all\""), "{}", text(&page));
    fleet.stop().await;
}

#[tokio::test]
async fn a_mistake_in_a_program_is_found_before_a_device_is_asked() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    let arguments = json!({ "devices": ["r1", "sw1"], "command": BRIEF, "select": "map(.mtu" });
    let told = refused(&client, arguments).await;
    assert!(told.contains("closing parenthesis"), "{told}");
    assert_eq!(fleet.device("r1").observed().connections, 0);
    fleet.stop().await;
}

#[tokio::test]
async fn every_record_has_its_device() {
    let fleet = Fleet::start(pair()).await;
    let client = connect(&fleet.operations).await;
    let arguments = json!({ "devices": ["r1", "sw1"], "command": BRIEF,
        "fields": ["device", "INTERFACE"], "where": ["device = sw1"] });
    let value = query(&client, arguments).await;
    assert_eq!(value["table"]["columns"], json!(["device", "interface"]));
    assert_eq!(value["table"]["rows"], json!([["sw1", "Ethernet1"], ["sw1", "Loopback0"]]));
    fleet.stop().await;
}

#[tokio::test]
async fn rows_and_texts_belong_to_the_caller_who_got_the_first_page() {
    let fleet = Fleet::start(pair()).await;
    let (one, two) =
        (Caller::with_token("one", Role::Viewer), Caller::with_token("two", Role::Viewer));
    let request = |cursor: Option<String>| QueryRequest {
        devices: vec!["r1".to_owned()],
        command: BRIEF.to_owned(),
        limit: Some(1),
        cursor,
        ..QueryRequest::default()
    };
    let ask = async |caller: &Caller, cursor: Option<String>| {
        let cancel = CancellationToken::new();
        fleet.operations.query_devices(caller, request(cursor), &cancel, &|_| {}).await
    };
    let cursor = ask(&one, None).await.unwrap().next_cursor;
    assert!(cursor.is_some());
    let refused = ask(&two, cursor.clone()).await.unwrap_err();
    assert!(refused.message.contains("cursor is unknown"), "{refused}");
    assert!(ask(&one, cursor).await.is_ok());
    let long = "x\n".repeat(20_000);
    let (_, id) = fleet.operations.first_page(&one, &long);
    let read = ReadRequest { output_id: id.unwrap(), ..ReadRequest::default() };
    assert!(fleet.operations.read_output(&one, &read).is_ok());
    assert!(fleet.operations.read_output(&two, &read).is_err());
    fleet.stop().await;
}

#[tokio::test]
async fn a_command_that_asked_for_json_itself_is_sent_once() {
    let large = format!("{{\"all\": \"{}\"}}\n", "x".repeat(70_000));
    let fleet = Fleet::start(vec![
        LabDevice::new("sw1", "arista_eos")
            .command("show no | json", "% This is an unconverted command\n")
            .command("show large | json", large),
    ])
    .await
    .with_settings("[limits]\noutput_bytes = 65536\n");
    let client = connect(&fleet.operations).await;
    for (command, code) in
        [("show no | json", "command_rejected"), ("show large | json", "output_too_large")]
    {
        let told = refused(&client, json!({ "devices": ["sw1"], "command": command })).await;
        assert!(told.contains(code), "{told}");
        let observed = fleet.device("sw1").observed();
        let sent = observed.commands().into_iter().filter(|line| *line == command).count();
        assert_eq!(sent, 1, "{command}");
    }
    fleet.stop().await;
}

#[tokio::test]
async fn a_template_of_the_call_has_limits() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").command("show odd", "a\n")])
        .await
        .with_settings("[templates]\nallow_inline = true\n");
    let client = connect(&fleet.operations).await;
    let rules = "  ^a\n".repeat(101);
    for (template, part) in [
        ("Value A (a)\n\nStart\n  ^${B}\n".to_owned(), "no Value is named `B`"),
        (format!("Value A (a)\n\nStart\n{rules}"), "more than 100 rules"),
        ("#".repeat(70_000), "longer than"),
    ] {
        let arguments = json!({ "devices": ["r1"], "command": "show odd", "template": template });
        let told = refused(&client, arguments).await;
        assert!(told.contains(part), "{told}");
    }
    let template = "Value A (a)\n\nStart\n  ^b -> Record\n  ^. -> Error \"no b\"\n";
    let value =
        query(&client, json!({ "devices": ["r1"], "command": "show odd", "template": template }))
            .await;
    assert_eq!(value["devices"][0]["status"], "parse_error");
    assert_eq!(value["devices"][0]["text"], "a\n");
    fleet.stop().await;
}

#[tokio::test]
async fn the_templates_of_a_directory_come_first_and_are_named() {
    let fleet = Fleet::start(pair()).await;
    let directory = fleet.directory.path().join("templates");
    std::fs::create_dir(&directory).unwrap();
    let index = "Template, Hostname, Platform, Command\nmine.textfsm, .*, cisco_ios$, sh[[ow]] ip int[[erface]] br[[ief]]\n";
    std::fs::write(directory.join("index"), index).unwrap();
    let template = "Value PORT (\\S+\\d)\n\nStart\n  ^${PORT}\\s -> Record\n\nEOF\n";
    std::fs::write(directory.join("mine.textfsm"), template).unwrap();
    let settings = format!("[templates]\ndirectories = [{:?}]\n", directory.display().to_string());
    let fleet = fleet.with_settings(&settings);
    let client = connect(&fleet.operations).await;
    let value =
        query(&client, json!({ "devices": ["r1", "sw1"], "command": BRIEF, "format": "records" }))
            .await;
    let source = |at: usize| value["devices"][at]["source"].as_str().unwrap().to_owned();
    assert_eq!(source(0), directory.display().to_string());
    assert_eq!(source(1), "built-in");
    assert_eq!(value["devices"][0]["records"][0], json!({ "port": "GigabitEthernet0/0" }));
    fleet.stop().await;
}

#[tokio::test]
async fn five_devices_of_three_vendors_answer_one_program_in_one_table() {
    let fleet = Fleet::start(vec![
        LabDevice::new("ios-r1", "cisco_ios"),
        LabDevice::new("ios-r2", "cisco_ios"),
        LabDevice::new("eos-sw1", "arista_eos"),
        LabDevice::new("eos-sw2", "arista_eos"),
        LabDevice::new("frr-r1", "frr"),
    ])
    .await;
    let client = connect(&fleet.operations).await;
    let devices = ["ios-r1", "ios-r2", "eos-sw1", "eos-sw2", "frr-r1"];
    let program = ".[] | {device, bgp_neighbor, neighbor_as}";
    let value = query(
        &client,
        json!({ "devices": devices, "command": "show ip bgp summary", "select": program }),
    )
    .await;
    assert_eq!(value["table"]["columns"], json!(["device", "bgp_neighbor", "neighbor_as"]));
    let rows = value["table"]["rows"].as_array().unwrap();
    let mut seen: Vec<&str> = rows.iter().map(|row| row[0].as_str().unwrap()).collect();
    seen.dedup();
    assert_eq!(seen, devices);
    assert!(rows.iter().all(|row| row[2].is_number()), "{value}");
    fleet.stop().await;
}

/// Commands of simulated devices that print many made-up lines, for the pager.
const LONG: [(&str, &str); 2] =
    [("frr", "show logging"), ("nokia_srl", "show network-instance default route-table all")];

/// What the simulated devices print and what our templates expect were written apart from each other;
/// both were made after real devices, so they must fit.
#[tokio::test]
async fn what_simulated_devices_answer_fits_the_templates() {
    let outputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/outputs");
    let platforms: Vec<String> = names(&outputs);
    let devices: Vec<LabDevice> = platforms
        .iter()
        .map(|platform| LabDevice::new(platform.replace('_', "-"), platform.as_str()))
        .collect();
    let fleet = Fleet::start(devices).await;
    let client = connect(&fleet.operations).await;
    let (mut parsed, mut misfits) = (0, Vec::new());
    for platform in &platforms {
        for command in names(&outputs.join(platform)) {
            let command = command.replace('_', " ");
            if LONG.contains(&(platform.as_str(), command.as_str())) {
                continue;
            }
            let arguments = json!({ "devices": [platform.replace('_', "-")], "command": command, "format": "records" });
            let result = call(&client, "query_devices", arguments).await;
            let value = result.structured_content.unwrap();
            match value["devices"][0]["status"].as_str() {
                Some("parsed" | "empty") => parsed += 1,
                // A simulated device does not know every command, and the gate not those of IOS XR's
                // administration.
                Some("failed")
                    if ["command_rejected", "policy_denied"]
                        .contains(&value["devices"][0]["error"]["code"].as_str().unwrap()) => {}
                _ => {
                    misfits.push(format!("{platform}: {command}: {}", value["devices"][0]["error"]))
                }
            }
        }
    }
    println!("{parsed} commands of simulated devices parse");
    assert!(misfits.is_empty(), "{}", misfits.join("\n"));
    assert!(parsed >= 60, "{parsed}");
    fleet.stop().await;
}

/// The names of the entries of a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
