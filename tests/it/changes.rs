//! Changes against simulated devices that model candidates, sessions and revert timers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::change::After;
use vty_mcp::lab::{CutAt, Faults, LabDevice, Rejection, When};
use vty_mcp::operations::{
    Against, ApplyRequest, ChangeReport, Failure, Operations, PlanAnswer, PlanRequest, Source,
};

use crate::support::{Fleet, call, connect, connect_as, strings, text};

const PLATFORMS: [&str; 4] = ["cisco_ios", "arista_eos", "juniper_junos", "frr"];

/// A harmless change of each platform, and a line of the configuration that proves it.
fn change_of(platform: &str) -> (&'static str, &'static str) {
    let proof = "changed by a test";
    let lines = match platform {
        "cisco_ios" | "arista_eos" => "interface Loopback0\n description changed by a test",
        "juniper_junos" => "set interfaces lo0 description \"changed by a test\"",
        _ => "interface lo\n description changed by a test",
    };
    (lines, proof)
}

fn device(platform: &str) -> LabDevice {
    let device = LabDevice::new("r1", platform);
    if platform == "cisco_ios" { device.enable_secret("made-up") } else { device }
}

async fn fleet(device: LabDevice) -> Fleet {
    Fleet::start_with(vec![device], |inventory| {
        inventory["defaults"]["allow_unprotected"] = json!(true);
    })
    .await
}

fn operator() -> Caller {
    Caller::local(Role::Operator)
}

async fn plan(operations: &Arc<Operations>, configuration: &str) -> Result<PlanAnswer, Failure> {
    let request = PlanRequest {
        devices: strings(&["r1"]),
        configuration: configuration.to_owned(),
        expect_loss: false,
    };
    operations.plan_change(&operator(), request, &CancellationToken::new(), &|_| {}).await
}

fn request(plan: &PlanAnswer, after: After) -> ApplyRequest {
    ApplyRequest {
        plan_id: plan.plan_id.clone().unwrap_or_else(|| panic!("no plan: {plan:?}")),
        plan_hash: plan.plan_hash.clone().unwrap(),
        confirm_within: 5,
        after,
    }
}

async fn apply(operations: &Arc<Operations>, plan: &PlanAnswer, after: After) -> ChangeReport {
    let request = request(plan, after);
    let applied = operations.apply_change(&operator(), &request, &CancellationToken::new()).await;
    applied.unwrap().remove(0)
}

fn running(fleet: &Fleet) -> String {
    fleet.device("r1").running_configuration()
}

#[tokio::test]
async fn a_change_is_planned_applied_confirmed_and_saved_on_every_platform() {
    for platform in PLATFORMS {
        let fleet = fleet(device(platform)).await;
        let before = running(&fleet);
        let (lines, proof) = change_of(platform);
        let planned = plan(&fleet.operations, lines).await.unwrap();
        assert_eq!(planned.devices[0].error, None, "{platform}");
        let diff = planned.devices[0].diff.clone().unwrap();
        assert!(diff.contains(proof), "{platform}: {diff}");
        assert_eq!(running(&fleet), before, "{platform}: a plan changes nothing");
        let held = apply(&fleet.operations, &planned, After::Hold).await;
        assert_eq!(held.state, "held", "{platform}: {held:?}");
        assert!(held.confirm_before.is_some());
        assert!(running(&fleet).contains(proof), "{platform}");
        // The same plan again is the same change.
        let again = apply(&fleet.operations, &planned, After::Hold).await;
        assert_eq!(again.change_id, held.change_id);
        let saved = fleet.operations.confirm_change(&operator(), &held.change_id).await.unwrap();
        assert_eq!(saved.state, "saved", "{platform}: {saved:?}");
        assert!(running(&fleet).contains(proof), "{platform}");
        assert_eq!(fleet.device("r1").pending(), None, "{platform}: the timer goes on");
        fleet.device("r1").advance(Duration::from_secs(3600));
        assert!(running(&fleet).contains(proof), "{platform}: it did not stay");
        if platform != "juniper_junos" {
            assert!(fleet.device("r1").startup_configuration().contains(proof), "{platform}");
        }
        let again = apply(&fleet.operations, &planned, After::Hold).await;
        assert_eq!((again.change_id, again.state.as_str()), (held.change_id, "saved"));
        fleet.operations.close().await;
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_reverted_change_leaves_the_configuration_from_before() {
    for platform in PLATFORMS {
        let fleet = fleet(device(platform)).await;
        let before = running(&fleet);
        let planned = plan(&fleet.operations, change_of(platform).0).await.unwrap();
        let held = apply(&fleet.operations, &planned, After::Hold).await;
        assert_eq!(held.state, "held", "{platform}: {held:?}");
        let undone = fleet.operations.revert_change(&operator(), &held.change_id).await.unwrap();
        assert_eq!(undone.state, "undone", "{platform}: {undone:?}");
        assert_eq!(running(&fleet), before, "{platform}");
        fleet.operations.close().await;
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_rejected_line_is_named_and_nothing_of_the_change_stays() {
    for platform in PLATFORMS {
        let (lines, _) = change_of(platform);
        let bad = match platform {
            "juniper_junos" => "set interfaces lo0 unit 0 family inet mtu 1400",
            _ => " ip mtu 1400",
        };
        let lines = format!("{lines}\n{bad}");
        let faults = Faults { rejects: vec![Rejection::of(bad.trim())], ..Faults::default() };
        let fleet = fleet(device(platform).faults(faults)).await;
        let before = running(&fleet);
        let planned = plan(&fleet.operations, &lines).await.unwrap();
        // A platform with a candidate refuses it in the plan.
        let reason = if let Some(failure) = &planned.devices[0].error {
            assert_eq!(failure.code.as_str(), "configuration_rejected", "{platform}");
            failure.message.clone()
        } else {
            let undone = apply(&fleet.operations, &planned, After::Confirm).await;
            assert_eq!(undone.state, "undone", "{platform}: {undone:?}");
            undone.reason.unwrap()
        };
        assert!(reason.contains(bad.trim()), "{platform}: {reason}");
        assert_eq!(running(&fleet), before, "{platform}");
        assert_eq!(fleet.device("r1").pending(), None, "{platform}");
        fleet.operations.close().await;
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_change_that_takes_a_neighbour_down_is_undone() {
    for platform in ["cisco_ios", "arista_eos", "frr"] {
        let fleet = fleet(device(platform)).await;
        let before = running(&fleet);
        let line =
            before.lines().find(|line| line.contains(" remote-as ")).unwrap().trim().to_owned();
        let neighbor = line.split(' ').nth(1).unwrap().to_owned();
        let asn = before.lines().find(|line| line.starts_with("router bgp")).unwrap().to_owned();
        let lines = format!("{asn}\n neighbor {neighbor} shutdown");
        let planned = plan(&fleet.operations, &lines).await.unwrap();
        let undone = apply(&fleet.operations, &planned, After::Confirm).await;
        assert_eq!(undone.state, "undone", "{platform}: {undone:?}");
        assert!(undone.reason.unwrap().contains("BGP sessions established"), "{platform}");
        assert_eq!(running(&fleet), before, "{platform}");
        fleet.operations.close().await;
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_configuration_that_changed_since_the_plan_is_a_conflict() {
    let fleet = fleet(device("cisco_ios")).await;
    let planned = plan(&fleet.operations, change_of("cisco_ios").0).await.unwrap();
    let other =
        plan(&fleet.operations, "interface Loopback0\n description somebody else").await.unwrap();
    assert_eq!(apply(&fleet.operations, &other, After::Confirm).await.state, "saved");
    let conflict = apply(&fleet.operations, &planned, After::Confirm).await;
    assert_eq!(conflict.state, "unchanged", "{conflict:?}");
    let reason = conflict.reason.unwrap();
    assert!(reason.contains("changed since") && reason.contains("somebody else"), "{reason}");
    fleet.operations.close().await;
    fleet.stop().await;
}

/// Cuts the connection at the nth line, before or after it took effect, and checks that the device
/// ends before or after the change and that the report says which.
async fn check_cut(platform: &str, nth: usize, when: When) -> bool {
    let cut_at = Some(CutAt { line: String::new(), in_configuration: false, nth, when });
    let plain = fleet(device(platform)).await;
    let (lines, proof) = change_of(platform);
    let before = running(&plain);
    plain.stop().await;
    let fleet = fleet(device(platform).faults(Faults { cut_at, ..Faults::default() })).await;
    let planned = match plan(&fleet.operations, lines).await {
        Ok(planned) if planned.plan_id.is_some() => planned,
        _ => match plan(&fleet.operations, lines).await {
            Ok(planned) if planned.plan_id.is_some() => planned,
            other => panic!("{platform} {nth} {when:?}: {other:?}"),
        },
    };
    let report = apply(&fleet.operations, &planned, After::Confirm).await;
    let now = running(&fleet);
    let context = format!("{platform}, line {nth}, {when:?}: {report:?}");
    match report.state.as_str() {
        "saved" | "not_saved" => {
            assert!(now.contains(proof), "{context}");
            assert_eq!(fleet.device("r1").pending(), None, "{context}");
        }
        "unchanged" | "undone" => assert_eq!(now, before, "{context}"),
        other => panic!("{other}: {context}"),
    }
    let struck = fleet.device("r1").observed().lines.len() >= nth;
    fleet.operations.close().await;
    fleet.stop().await;
    struck
}

/// More lines than any change of these tests sends.
const MOST_LINES: usize = 45;

async fn check_cuts(platform: &str) {
    use futures::StreamExt;
    let cuts = (1..MOST_LINES).flat_map(|nth| [(nth, When::Before), (nth, When::After)]);
    let checks = futures::stream::iter(cuts.map(|(nth, when)| check_cut(platform, nth, when)));
    let struck: Vec<bool> = checks.buffer_unordered(12).collect().await;
    let struck = struck.into_iter().filter(|struck| *struck).count();
    assert!(struck > 30, "{platform}: only {struck} of the cuts struck");
}

#[tokio::test]
async fn a_cut_at_any_line_leaves_ios_before_or_after_the_change() {
    check_cuts("cisco_ios").await;
}

#[tokio::test]
async fn a_cut_at_any_line_leaves_eos_before_or_after_the_change() {
    check_cuts("arista_eos").await;
}

#[tokio::test]
async fn a_cut_at_any_line_leaves_junos_before_or_after_the_change() {
    check_cuts("juniper_junos").await;
}

#[tokio::test]
async fn a_cut_at_any_line_leaves_frr_before_or_after_the_change() {
    check_cuts("frr").await;
}

#[tokio::test]
async fn a_cancelled_apply_is_undone() {
    let fleet = fleet(device("cisco_ios")).await;
    let before = running(&fleet);
    let planned = plan(&fleet.operations, change_of("cisco_ios").0).await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let request = request(&planned, After::Hold);
    let report =
        fleet.operations.apply_change(&operator(), &request, &cancel).await.unwrap().remove(0);
    assert!(matches!(report.state.as_str(), "undone" | "unchanged"), "{report:?}");
    assert_eq!(running(&fleet), before);
    fleet.operations.close().await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_device_without_a_safety_net_is_refused_unless_it_allows_it() {
    for (platform, device) in
        [("frr", device("frr")), ("cisco_ios", device("cisco_ios").without_statement("archive"))]
    {
        let fleet = Fleet::start(vec![device]).await;
        let planned = plan(&fleet.operations, change_of(platform).0).await.unwrap();
        let error = planned.devices[0].error.clone().unwrap();
        assert_eq!(error.reason, Some("unprotected_platform"), "{platform}: {error:?}");
        assert_eq!(planned.plan_id, None);
        fleet.operations.close().await;
        fleet.stop().await;
    }
}

#[tokio::test]
async fn plans_belong_to_their_caller_and_their_hash() {
    let fleet = fleet(device("frr")).await;
    let planned = plan(&fleet.operations, change_of("frr").0).await.unwrap();
    let other = Caller::with_token("abcd1234", Role::Operator);
    let cancel = CancellationToken::new();
    let theirs =
        fleet.operations.apply_change(&other, &request(&planned, After::Hold), &cancel).await;
    assert_eq!(theirs.unwrap_err().reason, Some("plan_not_found"));
    let mut forged = request(&planned, After::Hold);
    forged.plan_hash = "0".repeat(64);
    let forged = fleet.operations.apply_change(&operator(), &forged, &cancel).await;
    assert_eq!(forged.unwrap_err().reason, Some("plan_hash_mismatch"));
    let viewer = Caller::local(Role::Viewer);
    let refused =
        fleet.operations.apply_change(&viewer, &request(&planned, After::Hold), &cancel).await;
    assert_eq!(refused.unwrap_err().reason, Some("read_only"));
    let mut late = request(&planned, After::Hold);
    late.confirm_within = 100;
    let late = fleet.operations.apply_change(&operator(), &late, &cancel).await;
    assert_eq!(late.unwrap_err().reason, Some("timer_range"));
    assert!(!running(&fleet).contains("changed by a test"));
    fleet.operations.close().await;
    fleet.stop().await;
}

#[tokio::test]
async fn bad_configuration_is_refused_before_a_device_is_touched() {
    let fleet = fleet(device("cisco_ios")).await;
    for (lines, reason) in [
        ("interface Loopback0\n description x\nend\nreload", "cfg_mode_escape"),
        ("hostname r1\u{7f}", "cfg_control_char"),
        ("! nothing", "plan_empty"),
    ] {
        let planned = plan(&fleet.operations, lines).await.unwrap();
        assert_eq!(planned.devices[0].error.as_ref().unwrap().reason, Some(reason), "{lines:?}");
    }
    let placeholder = plan(&fleet.operations, "enable secret <secret:password:1234abcd>").await;
    assert_eq!(placeholder.unwrap_err().reason, Some("cfg_placeholder"));
    assert_eq!(fleet.device("r1").observed().connections, 0);
    fleet.operations.close().await;
    fleet.stop().await;
}

#[tokio::test]
async fn configurations_are_shown_and_compared_without_secrets() {
    let fleet = fleet(device("cisco_ios")).await;
    let cancel = CancellationToken::new();
    let shown = fleet.operations.config("r1", Source::Running, None, &cancel).await.unwrap();
    assert!(shown.contains("<secret:") && shown.contains("router bgp"), "{shown}");
    let section =
        fleet.operations.config("r1", Source::Running, Some("router bgp"), &cancel).await.unwrap();
    assert!(section.starts_with("router bgp") && !section.contains("interface"), "{section}");
    let planned = plan(&fleet.operations, change_of("cisco_ios").0).await.unwrap();
    let held = apply(&fleet.operations, &planned, After::Hold).await;
    assert_eq!(held.state, "held", "{held:?}");
    let compared = fleet.operations.compare_config("r1", &Against::Startup, &cancel).await.unwrap();
    assert!(compared.contains("+ description changed by a test"), "{compared}");
    fleet.operations.revert_change(&operator(), &held.change_id).await.unwrap();
    let compared = fleet.operations.compare_config("r1", &Against::Startup, &cancel).await.unwrap();
    assert_eq!(compared, "");
    fleet.operations.close().await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_candidate_is_shown_where_the_device_has_one_for_everybody() {
    let fleet = fleet(device("juniper_junos")).await;
    let cancel = CancellationToken::new();
    let running = fleet.operations.config("r1", Source::Running, None, &cancel).await.unwrap();
    let candidate = fleet.operations.config("r1", Source::Candidate, None, &cancel).await.unwrap();
    assert!(candidate.contains("set interfaces"), "{candidate}");
    let same = fleet.operations.compare_config("r1", &Against::Candidate, &cancel).await.unwrap();
    assert_eq!(same, "", "{running}\n---\n{candidate}");
    assert_eq!(fleet.device("r1").configuration_locked_by(), None);
    fleet.operations.close().await;
    fleet.stop().await;
    let fleet = self::fleet(device("frr")).await;
    let none = fleet.operations.config("r1", Source::Candidate, None, &cancel).await;
    assert_eq!(none.unwrap_err().code.as_str(), "invalid_argument");
    fleet.operations.close().await;
    fleet.stop().await;
}

#[tokio::test]
async fn only_callers_who_may_change_see_the_tools_for_it() {
    let fleet = fleet(device("frr")).await;
    let viewer = connect(&fleet.operations).await;
    let names = |tools: Vec<rmcp::model::Tool>| -> Vec<String> {
        tools.into_iter().map(|tool| tool.name.into_owned()).collect()
    };
    let seen = names(viewer.list_all_tools().await.unwrap());
    assert!(seen.contains(&"get_config".to_owned()) && !seen.contains(&"plan_change".to_owned()));
    let refused = viewer.call_tool(rmcp::model::CallToolRequestParams::new("plan_change")).await;
    assert!(refused.unwrap_err().to_string().contains("unknown tool"));
    let operator = connect_as(&fleet.operations, Role::Operator).await;
    assert_eq!(operator.list_all_tools().await.unwrap().len(), 12);
    let arguments = json!({ "devices": ["r1"], "configuration": change_of("frr").0 });
    let planned = call(&operator, "plan_change", arguments).await;
    assert_eq!(planned.is_error, Some(false), "{}", text(&planned));
    let planned = planned.structured_content.unwrap();
    assert_eq!(planned["devices"][0]["source"], "predicted");
    let arguments = json!({ "plan_id": planned["plan_id"], "plan_hash": planned["plan_hash"] });
    let held = call(&operator, "apply_change", arguments).await.structured_content.unwrap();
    assert_eq!(held["changes"][0]["state"], "held", "{held}");
    let arguments = json!({ "change_id": held["changes"][0]["change_id"] });
    let saved = call(&operator, "confirm_change", arguments).await.structured_content.unwrap();
    assert_eq!(saved["changes"][0]["state"], "saved", "{saved}");
    let listed = call(&operator, "list_changes", json!({})).await.structured_content.unwrap();
    assert_eq!(listed["changes"].as_array().unwrap().len(), 1);
    fleet.operations.close().await;
    fleet.stop().await;
}
