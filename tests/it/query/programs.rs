//! jq programs over the records of all devices.

use super::*;

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
