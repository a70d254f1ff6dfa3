//! `query_devices`: records, native JSON and text, filtered and shaped as asked.

mod native;
mod programs;
mod secrets;

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
                    misfits
                        .push(format!("{platform}: {command}: {}", value["devices"][0]["error"]));
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
