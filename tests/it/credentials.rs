//! Secrets that do not stand in the device file, from where they are to the device and back.

use serde_json::json;
use vty_mcp::lab::LabDevice;

use crate::support::{Fleet, call, connect, text, write_private};

#[cfg(unix)]
#[tokio::test]
async fn a_password_comes_from_a_program() {
    let r1 =
        LabDevice::new("r1", "cisco_ios").password("from-a-program").enable_secret("and-enable");
    let print = |secret: &str| json!({ "command": ["/bin/sh", "-c", "echo \"$0\"", secret] });
    let fleet = Fleet::start_with(vec![r1], |inventory| {
        inventory["devices"]["r1"]["auth"]["password"] = print("from-a-program");
        inventory["devices"]["r1"]["enable"] = print("and-enable");
    })
    .await;
    let answer = fleet.ask("r1", "show version").await;
    assert!(answer.complete, "{}", answer.text);
    fleet.stop().await;
}

#[tokio::test]
async fn a_password_from_a_file_is_taken_out_of_what_the_device_says() {
    let said = "the operator set kept-elsewhere-7 here\n";
    let r1 = LabDevice::new("r1", "frr").password("kept-elsewhere-7").command("show log", said);
    let secrets = tempfile::tempdir().unwrap();
    let path = secrets.path().join("r1");
    write_private(&path, "kept-elsewhere-7\n");
    let fleet = Fleet::start_with(vec![r1], |inventory| {
        inventory["devices"]["r1"]["auth"]["password"] = json!({ "file": path });
    })
    .await;
    let client = connect(&fleet.operations).await;
    let arguments = json!({ "devices": ["r1"], "commands": ["show log"] });
    let shown = text(&call(&client, "run_commands", arguments).await);
    assert!(shown.contains("the operator set <secret:own:"), "{shown}");
    assert!(!shown.contains("kept-elsewhere-7"), "{shown}");
    fleet.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_cannot_be_had_is_an_answer_with_the_reason_alone() {
    let r1 = LabDevice::new("r1", "frr");
    let fleet = Fleet::start_with(vec![r1], |inventory| {
        let command = json!(["/bin/sh", "-c", "echo c4n4ry; exit 4"]);
        inventory["devices"]["r1"]["auth"]["password"] = json!({ "command": command });
    })
    .await;
    let client = connect(&fleet.operations).await;
    let arguments = json!({ "devices": ["r1"], "commands": ["show version"] });
    let shown = text(&call(&client, "run_commands", arguments).await);
    assert!(shown.contains("credential_unavailable"), "{shown}");
    assert!(shown.contains("exit status: 4"), "{shown}");
    assert!(!shown.contains("c4n4ry"), "{shown}");
    fleet.stop().await;
}
