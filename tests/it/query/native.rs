//! The JSON that devices print themselves.

use super::*;

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
