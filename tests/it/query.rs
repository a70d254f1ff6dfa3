//! `query_devices`: records, native JSON and text, filtered and shaped as asked.

use std::path::Path;

use serde_json::{Value, json};
use vty_mcp::lab::LabDevice;

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
async fn secrets_cannot_be_found_out_by_conditions_or_programs() {
    let odd = "Value USER (\\S+)\nValue PASSWORD (\\S+)\n\nStart\n  ^user ${USER} password ${PASSWORD} -> Record\n\nEOF\n";
    let fleet = Fleet::start(vec![
        LabDevice::new("r1", "frr").command("show odd", "user a password hunter2-canary\n"),
    ])
    .await
    .with_settings("[templates]\nallow_inline = true\n");
    let client = connect(&fleet.operations).await;
    let base = json!({ "devices": ["r1"], "command": "show odd", "template": odd });
    let whole = query(&client, base.clone()).await;
    assert_eq!(whole["devices"][0]["source"], "call");
    assert_eq!(whole["devices"][0]["records"][0]["user"], "a");
    assert!(!whole.to_string().contains("canary"), "{whole}");
    let mut guess = base.clone();
    guess["where"] = json!(["password ~ canary"]);
    assert_eq!(query(&client, guess).await["devices"][0]["total_records"], 0);
    let mut guess = base;
    guess["select"] = json!("map(.password | test(\"canary\"))[]");
    assert_eq!(query(&client, guess).await["values"], json!([false]));
    fleet.stop().await;
}

#[tokio::test]
async fn a_template_of_the_call_has_limits() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").command("show odd", "a\n")])
        .await
        .with_settings("[templates]\nallow_inline = true\n");
    let client = connect(&fleet.operations).await;
    let rules = "  ^a\n".repeat(1001);
    for (template, part) in [
        ("Value A (a)\n\nStart\n  ^${B}\n".to_owned(), "no Value is named `B`"),
        (format!("Value A (a)\n\nStart\n{rules}"), "more than 1000 rules"),
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
                // A simulated device does not know every command.
                Some("failed") => {}
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
