//! The MCP tools, called by a client in the same process.

use serde_json::{Value, json};
use vty_mcp::lab::{Faults, Lab, LabDevice};

use crate::support::{Fleet, call, connect, text};

#[test]
fn the_surface_is_what_was_reviewed() {
    for tool in vty_mcp::mcp::tool_list() {
        let name = tool["name"].as_str().unwrap().to_owned();
        insta::assert_json_snapshot!(name, tool);
    }
}

#[test]
fn every_tool_is_named_annotated_and_simple_enough_for_every_client() {
    let tools = vty_mcp::mcp::tool_list();
    assert_eq!(tools.len(), 12);
    let mut bytes = 0;
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        assert!(name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert!(tool["description"].as_str().unwrap().len() < 1024, "{name}");
        assert!(tool["title"].is_string(), "{name}");
        for hint in ["readOnlyHint", "destructiveHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} {hint}");
        }
        for schema in ["inputSchema", "outputSchema"].iter().filter_map(|key| tool.get(key)) {
            assert_eq!(schema["type"], "object", "{name}");
            let text = schema.to_string();
            for word in ["anyOf", "oneOf", "allOf", "$ref", "$schema", "\"format\":\""] {
                assert!(!text.contains(word), "{name}: {word} in {text}");
            }
        }
        bytes += tool.to_string().len();
    }
    assert!(bytes < 21_000, "the tools take {bytes} bytes of every conversation");
}

#[tokio::test]
async fn devices_are_listed_and_filtered_without_credentials() {
    let fleet = Fleet::start(Lab::standard()).await;
    let client = connect(&fleet.operations).await;
    let all = call(&client, "list_devices", json!({})).await.structured_content.unwrap();
    assert_eq!(all["total"], 4);
    assert!(!all.to_string().contains("lab-password") && !all.to_string().contains("lab-enable"));
    let names = |value: &Value| -> Vec<String> {
        let devices = value["devices"].as_array().unwrap();
        devices.iter().map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    for (filter, expected) in [
        (json!({ "platform": "cisco_xe" }), vec!["ios-r1"]),
        (json!({ "group": "edge" }), vec!["ios-r1", "junos-fw1"]),
        (json!({ "name": "*-r?" }), vec!["frr-r1", "ios-r1"]),
        (json!({ "tag": "lab", "name": "eos*" }), vec!["eos-sw1"]),
        (json!({ "name": "nothing" }), vec![]),
    ] {
        let found = call(&client, "list_devices", filter.clone()).await.structured_content.unwrap();
        assert_eq!(names(&found), expected, "{filter}");
    }
    let unknown = call(&client, "list_devices", json!({ "platform": "cisco" })).await;
    assert_eq!(unknown.is_error, Some(true));
    assert!(text(&unknown).contains("cisco_ios"), "{}", text(&unknown));
    fleet.stop().await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages_that_add_up() {
    let fleet = Fleet::start_with(vec![LabDevice::new("r1", "frr")], |inventory| {
        let one = inventory["devices"]["r1"].clone();
        for number in 0..250 {
            inventory["devices"][format!("sw{number:03}")] = one.clone();
        }
    })
    .await;
    let client = connect(&fleet.operations).await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let arguments =
            cursor.take().map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
        let page = call(&client, "list_devices", arguments).await.structured_content.unwrap();
        assert_eq!(page["total"], 251);
        let devices = page["devices"].as_array().unwrap();
        seen.extend(devices.iter().map(|device| device["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen.len(), 251);
    assert!(seen.is_sorted());
    let forged = call(&client, "list_devices", json!({ "cursor": "nobody" })).await;
    assert_eq!(forged.is_error, Some(true));
    fleet.stop().await;
}

#[tokio::test]
async fn records_come_with_their_template_and_status() {
    let fleet = Fleet::start(Lab::standard()).await;
    let client = connect(&fleet.operations).await;
    let devices = ["ios-r1", "eos-sw1", "frr-r1"];
    let query =
        json!({ "devices": devices, "command": "show ip bgp summary", "format": "records" });
    let result = call(&client, "query_devices", query).await;
    assert_eq!(result.is_error, Some(false));
    let value = result.structured_content.unwrap();
    for (device, name) in value["devices"].as_array().unwrap().iter().zip(devices) {
        assert_eq!(
            (device["device"].as_str(), device["status"].as_str()),
            (Some(name), Some("parsed"))
        );
        assert!(device["template"].as_str().unwrap().ends_with(".textfsm"), "{device}");
        assert_eq!(device["source"], "built-in");
        let record = &device["records"][0];
        assert!(
            record["bgp_neighbor"].is_string() && record["neighbor_as"].is_string(),
            "{record}"
        );
    }
    let query = json!({ "devices": ["ios-r1"], "command": "show ip bgp summary", "fields": ["bgp_neighbor"] });
    let value = call(&client, "query_devices", query).await.structured_content.unwrap();
    assert_eq!(value["devices"][0]["records"][0].as_object().unwrap().len(), 1);
    let query =
        json!({ "devices": ["ios-r1"], "command": "show ip bgp summary", "fields": ["nonsense"] });
    let result = call(&client, "query_devices", query).await;
    assert_eq!(result.is_error, Some(true));
    assert!(text(&result).contains("bgp_neighbor"), "{}", text(&result));
    // A filter makes another answer.
    let query = json!({ "devices": ["ios-r1"], "command": "show clock | include UTC" });
    let value = call(&client, "query_devices", query).await.structured_content.unwrap();
    assert_eq!(value["devices"][0]["status"], "no_template");
    assert!(value["devices"][0]["text"].as_str().unwrap().contains("UTC"), "{value}");
    fleet.stop().await;
}

#[tokio::test]
async fn an_answer_the_template_does_not_fit_is_returned_as_text() {
    let odd =
        LabDevice::new("r1", "cisco_ios").command("show ip interface brief", "%% surprise %%\n");
    let fleet = Fleet::start(vec![odd]).await;
    let client = connect(&fleet.operations).await;
    let query = json!({ "devices": ["r1"], "command": "show ip interface brief" });
    let value = call(&client, "query_devices", query).await.structured_content.unwrap();
    assert_eq!(value["devices"][0]["status"], "parse_error", "{value}");
    assert!(value["devices"][0]["text"].as_str().unwrap().contains("surprise"));
    assert_eq!(value["devices"][0]["error"]["code"], "parse_failed");
    fleet.stop().await;
}

#[tokio::test]
async fn secrets_and_hostile_characters_never_arrive() {
    let config = "username a password 0 hunter2-canary\nsnmp-server community c0mm-canary RO\n\
        neighbor 192.0.2.1 password bgp-secret\n! lab-password \u{1b}[31m\u{202e}evil\n";
    let r1 = LabDevice::new("r1", "frr").command("show running-config", config);
    let fleet = Fleet::start(vec![r1]).await;
    let client = connect(&fleet.operations).await;
    let arguments = json!({ "devices": ["r1"], "commands": ["show running-config"] });
    let shown = text(&call(&client, "run_commands", arguments).await);
    for secret in
        ["hunter2-canary", "c0mm-canary", "bgp-secret", "lab-password", "\u{1b}", "\u{202e}"]
    {
        assert!(!shown.contains(secret), "{secret:?} in {shown}");
    }
    assert!(shown.contains("<secret:") && shown.contains("evil"), "{shown}");
    fleet.stop().await;
}

#[tokio::test]
async fn a_long_answer_is_cut_and_the_rest_can_be_read_and_searched() {
    let long = (0..5000).map(|line| format!("line {line} of a long answer\n"));
    let long = long.collect::<Vec<_>>().concat();
    let r1 = LabDevice::new("r1", "frr").command("show log", long.as_str());
    let fleet = Fleet::start(vec![r1]).await;
    let client = connect(&fleet.operations).await;
    let arguments = json!({ "devices": ["r1"], "commands": ["show log"] });
    let first = text(&call(&client, "run_commands", arguments).await);
    assert!(first.len() < 25_000 && first.contains("[cut: "), "{}", first.len());
    let id = first.split("output_id=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let body = |text: &str| -> String {
        let lines = text.lines().filter(|line| line.starts_with("line "));
        lines.flat_map(|line| [line, "\n"]).collect()
    };
    let (mut whole, mut offset) = (body(&first), body(&first).len());
    while offset < long.len() {
        let arguments = json!({ "output_id": id, "offset": offset });
        let page = text(&call(&client, "read_output", arguments).await);
        whole.push_str(&body(&page));
        offset += body(&page).len();
    }
    assert_eq!(whole, long);
    let arguments = json!({ "output_id": id, "matching": "^line 49\\d\\d " });
    let found = body(&text(&call(&client, "read_output", arguments).await));
    assert_eq!(found.lines().count(), 100);
    let wrong = call(&client, "read_output", json!({ "output_id": "guess" })).await;
    assert_eq!(wrong.is_error, Some(true));
    fleet.stop().await;
}

#[tokio::test]
async fn is_error_means_that_nothing_came_back() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    let client = connect(&fleet.operations).await;
    let some = json!({ "devices": ["r1", "nobody"], "commands": ["show version"] });
    assert_eq!(call(&client, "run_commands", some).await.is_error, Some(false));
    let none = json!({ "devices": ["nobody"], "commands": ["show version"] });
    let result = call(&client, "run_commands", none).await;
    assert_eq!(result.is_error, Some(true));
    let error = &result.structured_content.as_ref().unwrap()["errors"][0];
    assert_eq!(error["code"], "unknown_device");
    assert!(text(&result).contains("error code=unknown_device retry=no"));
    fleet.stop().await;
}

#[tokio::test]
async fn wrong_arguments_are_explained_to_the_model() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    let client = connect(&fleet.operations).await;
    for (arguments, part) in [
        (json!({ "devices": "r1", "commands": ["show version"] }), "devices"),
        (json!({ "devices": ["r1"] }), "commands"),
        (json!({ "devices": ["r1"], "commands": [1] }), "commands[0]"),
        (json!({ "devices": ["r1"], "commands": ["show version"], "host": "192.0.2.1" }), "host"),
        (json!({ "devices": [], "commands": ["show version"] }), "no device"),
        (json!({ "devices": ["r1"], "commands": [] }), "0 commands"),
        (json!({ "devices": ["r1"], "commands": vec!["show version"; 51] }), "51 commands"),
    ] {
        let result = call(&client, "run_commands", arguments.clone()).await;
        assert_eq!(result.is_error, Some(true), "{arguments}");
        assert!(text(&result).contains(part), "{arguments}: {}", text(&result));
    }
    assert_eq!(fleet.device("r1").observed().connections, 0);
    let unknown = client
        .call_tool(rmcp::model::CallToolRequestParams::new("reboot_everything"))
        .await
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("list_devices"), "{unknown}");
    fleet.stop().await;
}

#[tokio::test]
async fn a_slow_device_does_not_hold_up_the_others() {
    let slow = Faults { hang: vec!["show version".to_owned()], ..Faults::default() };
    let fleet = Fleet::start_with(
        vec![LabDevice::new("slow", "frr").faults(slow), LabDevice::new("quick", "frr")],
        |inventory| {
            inventory["devices"]["slow"]["timeouts"] = json!({ "idle_seconds": 3 });
        },
    )
    .await;
    let client = connect(&fleet.operations).await;
    let waiting = json!({ "devices": ["slow"], "commands": ["show version"] });
    let quick = json!({ "devices": ["quick"], "commands": ["show version"] });
    let (slow, quick_first) = tokio::join!(call(&client, "run_commands", waiting), async {
        let quick = call(&client, "run_commands", quick).await;
        (quick.is_error, fleet.device("slow").observed().interrupts)
    });
    assert_eq!(quick_first, (Some(false), 0), "the quick device answered while the slow one hung");
    assert!(text(&slow).contains("command_timeout"));
    fleet.stop().await;
}
