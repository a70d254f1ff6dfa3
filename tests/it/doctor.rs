//! The doctor: what it says of devices that are well, and of those that are not.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vty_mcp::lab::{Algorithms, Faults, LabDevice};
use vty_mcp::operations::{DeviceCheck, Status};

use crate::support::{Fleet, strings};

async fn visit(fleet: &Fleet, name: &str) -> DeviceCheck {
    let cancel = CancellationToken::new();
    let names = strings(&[name]);
    Box::pin(fleet.operations.check_devices(&names, &cancel, &|_| {})).await.unwrap().remove(0)
}

/// Visits one device whose inventory entry was changed.
async fn check(device: LabDevice, change: impl FnOnce(&mut Value)) -> DeviceCheck {
    let fleet = Fleet::start_with(vec![device], |inventory| {
        change(&mut inventory["devices"]["r1"]);
    })
    .await;
    let seen = visit(&fleet, "r1").await;
    fleet.operations.close().await;
    fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    fleet.stop().await;
    seen
}

fn step<'c>(check: &'c DeviceCheck, name: &str) -> (Status, &'c str) {
    let step = check.steps.iter().find(|step| step.name == name).unwrap();
    (step.status, &step.detail)
}

#[tokio::test]
async fn a_device_in_order_is_seen_from_the_address_to_the_round_trip() {
    let fleet =
        Fleet::start(vec![LabDevice::new("r1", "cisco_ios").enable_secret("made-up")]).await;
    let first = visit(&fleet, "r1").await;
    assert!(first.ok, "{first}");
    assert!(first.advice[0].contains("compare the host key"), "{first}");
    let second = visit(&fleet, "r1").await;
    assert_eq!(second.advice, Vec::<String>::new(), "{second}");
    let steps: Vec<_> = second.steps.iter().map(|step| (step.name, step.status)).collect();
    let names = [
        "resolve",
        "connect",
        "algorithms",
        "host_key",
        "methods",
        "login",
        "platform",
        "mode",
        "paging",
        "round_trip",
    ];
    assert_eq!(steps, names.map(|name| (name, Status::Ok)));
    let ssh = second.ssh.clone().unwrap();
    assert_eq!((ssh.first_contact, ssh.strictest), (false, Some("modern")));
    assert_eq!(ssh.methods, ["password"]);
    let cli = second.cli.clone().unwrap();
    assert_eq!((cli.mode.as_str(), cli.paging_off), ("privileged_exec", true));
    assert_eq!(cli.looks_like.as_deref(), Some("cisco_ios"));
    // Each visit looks at the server first, without a credential, and logs in once.
    assert_eq!(fleet.device("r1").observed().password_attempts, 2);
    fleet.stop().await;
}

fn old() -> LabDevice {
    let algorithms = Algorithms {
        kex: strings(&["diffie-hellman-group14-sha1"]),
        cipher: strings(&["aes128-cbc"]),
        mac: strings(&["hmac-sha1"]),
        ..Algorithms::default()
    };
    LabDevice::new("r1", "cisco_ios").enable_secret("made-up").algorithms(algorithms)
}

#[tokio::test]
async fn an_old_device_is_told_what_it_offers_and_which_profile_reaches_it() {
    let refused = check(old(), |_| {}).await;
    let (status, detail) = step(&refused, "algorithms");
    assert_eq!(status, Status::Failed);
    for words in [
        "no common key exchange: the device offers diffie-hellman-group14-sha1",
        "no common cipher: the device offers aes128-cbc",
        "no common MAC: the device offers hmac-sha1",
        "\"security\": \"legacy\"",
    ] {
        assert!(detail.contains(words), "{words} in {detail}");
    }
    assert_eq!(refused.error.as_ref().unwrap().code.as_str(), "algorithm_mismatch");
    assert_eq!(step(&refused, "login").0, Status::Skipped);
    assert!(refused.advice[0].contains("set \"security\": \"legacy\""), "{refused}");

    let reached = check(old(), |entry| entry["security"] = json!("legacy")).await;
    assert!(reached.ok, "{reached}");
    assert_eq!(step(&reached, "algorithms").0, Status::Warning);
    let weak = reached.ssh.as_ref().unwrap().weak.join(" ");
    assert_eq!(weak, "diffie-hellman-group14-sha1 aes128-cbc hmac-sha1");
}

#[tokio::test]
async fn a_profile_that_is_wider_than_needed_is_told() {
    let device = LabDevice::new("r1", "frr");
    let seen = check(device, |entry| entry["security"] = json!("legacy")).await;
    assert!(seen.ok && seen.advice.iter().any(|a| a.contains("`legacy` is not needed")), "{seen}");
}

#[tokio::test]
async fn a_platform_that_is_another_one_is_told() {
    let seen = check(LabDevice::new("r1", "arista_eos"), |entry| {
        entry["platform"] = json!("cisco_ios");
    })
    .await;
    let (status, detail) = step(&seen, "platform");
    assert_eq!(status, Status::Warning, "{seen}");
    assert!(detail.contains("looks like `arista_eos`"), "{detail}");
    assert!(seen.advice.iter().any(|advice| advice.contains("\"arista_eos\"")), "{seen}");
}

#[tokio::test]
async fn a_missing_privilege_and_a_pager_are_told() {
    let faults = Faults { paging_stays_on: true, ..Faults::default() };
    let device = LabDevice::new("r1", "cisco_ios").enable_secret("made-up").faults(faults);
    let seen = check(device, |entry| {
        entry.as_object_mut().unwrap().remove("enable");
    })
    .await;
    assert_eq!(step(&seen, "mode").0, Status::Warning, "{seen}");
    assert!(seen.advice.iter().any(|advice| advice.contains("`enable` secret")), "{seen}");
}

#[tokio::test]
async fn a_refused_login_says_nothing_of_the_password() {
    let seen = check(LabDevice::new("r1", "frr"), |entry| {
        entry["auth"]["password"] = json!("not-the-password");
    })
    .await;
    assert!(!seen.ok);
    assert_eq!(step(&seen, "methods").0, Status::Ok);
    assert_eq!(step(&seen, "login").0, Status::Failed);
    let text = format!("{seen} {}", serde_json::to_string(&seen).unwrap());
    assert!(!text.contains("not-the-password"), "{text}");
}
