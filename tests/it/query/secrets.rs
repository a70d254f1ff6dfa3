//! What callers must not find out, and whose an answer is.

use super::*;

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
