//! Devices behind jump hosts: the connection to one is shared, and a broken chain goes nowhere else.

use serde_json::json;
use vty_mcp::lab::{HostKey, Lab, LabDevice};

use crate::support::Fleet;

/// Two devices behind `inner`, which stands behind `outer`.
async fn chain(outer: LabDevice, inner: LabDevice) -> Fleet {
    let devices = vec![outer, inner, LabDevice::new("r1", "frr"), LabDevice::new("r2", "frr")];
    Fleet::start_with(devices, |inventory| {
        inventory["devices"]["inner"]["jump"] = json!("outer");
        inventory["devices"]["r1"]["jump"] = json!("inner");
        inventory["devices"]["r2"]["jump"] = json!(["outer", "inner"]);
    })
    .await
}

fn jump_host(name: &str) -> LabDevice {
    LabDevice::new(name, "linux").forwards(true)
}

#[tokio::test]
async fn a_chain_is_followed_and_each_connection_on_it_is_shared() {
    let fleet = chain(jump_host("outer"), jump_host("inner")).await;
    let answers = fleet.run(&["r1", "r2"], &["show version"]).await;
    for answer in &answers {
        assert_eq!(answer.answers[0].error, None, "{answer:?}");
    }
    let [outer, inner] = ["outer", "inner"].map(|name| fleet.device(name).observed());
    // One login at each jump host, whoever goes through; nobody opened a shell there.
    assert_eq!((outer.logins_succeeded, outer.forwarded, outer.sessions_opened), (1, 1, 0));
    assert_eq!((inner.logins_succeeded, inner.forwarded, inner.sessions_opened), (1, 2, 0));
    fleet.operations.close().await;
    for name in ["outer", "inner", "r1", "r2"] {
        fleet.wait_for(name, |seen| seen.open_connections == 0).await;
    }
    fleet.stop().await;
}

#[tokio::test]
async fn a_broken_chain_fails_by_the_name_of_the_hop_and_never_goes_around_it() {
    let refusing = LabDevice::new("inner", "linux");
    let fleet = chain(jump_host("outer"), refusing).await;
    let answer = fleet.ask("r1", "show version").await;
    let error = answer.error.unwrap();
    assert_eq!(error.code.as_str(), "jump_host_failed", "{error:?}");
    assert!(error.message.contains("inner"), "{error:?}");
    assert_eq!(fleet.device("r1").observed().connections, 0);
    fleet.stop().await;

    let fleet = chain(jump_host("outer"), jump_host("inner")).await;
    fleet.lab.stop_device("outer").await.unwrap();
    let error = fleet.ask("r1", "show version").await.error.unwrap();
    assert_eq!(error.code.as_str(), "jump_host_failed", "{error:?}");
    assert!(error.message.contains("outer"), "{error:?}");
    for name in ["inner", "r1"] {
        assert_eq!(fleet.device(name).observed().connections, 0, "{name}");
    }
    fleet.stop().await;
}

#[tokio::test]
async fn a_jump_host_that_restarted_is_dialed_anew() {
    let key = || HostKey::Phrase("inner".to_owned());
    let fleet = chain(jump_host("outer"), jump_host("inner").host_key(key())).await;
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    let port = fleet.device("inner").address().port();
    fleet.lab.stop_device("inner").await.unwrap();
    fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    let again = Lab::start(vec![jump_host("inner").host_key(key()).port(port)]).await.unwrap();
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    assert_eq!(again.device("inner").unwrap().observed().logins_succeeded, 1);
    assert_eq!(fleet.device("outer").observed().logins_succeeded, 1);
    fleet.operations.close().await;
    again.stop().await.unwrap();
    fleet.stop().await;
}
