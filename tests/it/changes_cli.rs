//! Changes from the command line, where every command is a process of its own.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use vty_mcp::lab::LabDevice;

use crate::support::Fleet;

async fn vty_mcp(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vty-mcp"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", directory)
        .env("VTY_STATE_DIR", directory.join("cli-state"))
        .current_dir(directory);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn value(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Plans a change and applies it without `--yes`.
async fn held(fleet: &Fleet, lines: &str) -> Output {
    let directory = fleet.directory.path();
    std::fs::write(directory.join("change.txt"), lines).unwrap();
    let plan = vty_mcp(directory, &["change", "plan", "r1", "--file", "change.txt"]).await;
    assert_eq!(plan.status.code(), Some(0), "{plan:?}");
    let plan = value(&plan);
    let (id, hash) = (plan["plan_id"].as_str().unwrap(), plan["plan_hash"].as_str().unwrap());
    vty_mcp(directory, &["change", "apply", id, hash]).await
}

#[tokio::test]
async fn what_one_process_holds_another_one_confirms_or_reverts() {
    for (word, state) in [("confirm", "saved"), ("revert", "undone")] {
        let fleet = Fleet::start(vec![LabDevice::new("r1", "juniper_junos")]).await;
        let before = fleet.device("r1").running_configuration();
        let applied = held(&fleet, "set interfaces lo0 description changed").await;
        assert_eq!(applied.status.code(), Some(0), "{applied:?}");
        let applied = value(&applied);
        assert_eq!(applied[0]["state"], "held", "{applied}");
        assert!(fleet.device("r1").pending().is_some());
        let id = applied[0]["change_id"].as_str().unwrap();
        let decided = vty_mcp(fleet.directory.path(), &["change", word, id]).await;
        assert_eq!(decided.status.code(), Some(0), "{decided:?}");
        assert!(value(&decided).to_string().contains(state), "{decided:?}");
        assert_eq!(fleet.device("r1").pending(), None);
        let same = fleet.device("r1").running_configuration() == before;
        assert_eq!(same, state == "undone");
        let listed = value(&vty_mcp(fleet.directory.path(), &["change", "list"]).await);
        assert_eq!(listed[0]["state"], state);
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_change_without_a_timer_does_not_outlive_the_process_that_holds_it() {
    let fleet = Fleet::start_with(vec![LabDevice::new("r1", "frr")], |inventory| {
        inventory["defaults"]["allow_unprotected"] = json!(true);
    })
    .await;
    let before = fleet.device("r1").running_configuration();
    let applied = held(&fleet, "interface lo\n description changed").await;
    assert_eq!(applied.status.code(), Some(3), "{applied:?}");
    assert_eq!(value(&applied)[0]["state"], "undone");
    assert_eq!(fleet.device("r1").running_configuration(), before);
    fleet.stop().await;
}
