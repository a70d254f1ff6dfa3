//! Candidates, commits, windows and locks.

use super::super::super::faults::Rejection;
use super::changes::Bench;
use super::*;

const SHUT: &str = "delete protocols bgp group EBGP neighbor 192.0.2.9";

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[test]
fn a_candidate_is_compared_checked_and_committed() {
    let bench = Bench::new("juniper_junos");
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["configure", "edit interfaces ge-0/0/0", "set description new", "top"]);
    seat.enter(&["set protocols bgp group EBGP neighbor 192.0.2.99 peer-as 65099"]);
    seat.enter(&["set interfaces ge-0/0/5 unit 0 family inet address 203.0.113.200/29"]);
    assert_eq!(
        seat.run("show | compare"),
        "[edit interfaces]\n+   ge-0/0/5 {\n+       unit 0 {\n+           family inet {\n\
         +               address 203.0.113.200/29;\n+           }\n+       }\n+   }\n\
         [edit interfaces ge-0/0/0]\n-   description \"to ios-r1 GigabitEthernet2\";\n+   description new;\n\
         [edit protocols bgp group EBGP]\n+   neighbor 192.0.2.99 {\n+       peer-as 65099;\n+   }\n\n[edit]\n"
    );
    assert_eq!(bench.running(), before);
    assert_eq!(seat.run("commit check"), "configuration check succeeds\n\n[edit]\n");
    assert_eq!(seat.run("commit comment \"a ticket\""), "commit complete\n\n[edit]\n");
    let running = bench.running();
    assert!(running.contains("    ge-0/0/0 {\n        description new;\n"));
    assert_eq!(seat.run("show | compare"), "\n[edit]\n");
    let commits = seat.run("run show system commit");
    assert!(
        commits.starts_with("0   2026-11-20 08:14:")
            && commits.contains("\n    a ticket\n1   2026-11-16 09:20:05 UTC by lab via cli\n"),
        "{commits}"
    );
    seat.enter(&["rollback 1", "commit", "exit"]);
    assert_eq!(bench.running(), before);
    let shown = seat.run("show configuration | compare rollback 1");
    assert!(shown.contains("-   description new;\n+   description \"to ios-r1"), "{shown}");
}

#[test]
fn an_unconfirmed_commit_is_rolled_back() {
    let bench = Bench::new("juniper_junos");
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["configure exclusive", SHUT]);
    let said = seat.run("commit confirmed 5 comment \"a change\"");
    assert_eq!(
        said,
        "commit confirmed will be automatically rolled back in 5 minutes unless confirmed\n\
         commit complete\n\n# commit confirmed will be rolled back in 5 minutes\n[edit]\n"
    );
    assert!(bench.is_pending() && !bench.running().contains("neighbor 192.0.2.9 "));
    seat.enter(&["exit"]);
    let shown = seat.run("show bgp summary");
    assert!(
        shown.contains("Peers: 1 ") && !shown.contains("192.0.2.9 ") && !shown.contains("2/6/6/0"),
        "{shown}"
    );
    let commits = seat.run("show system commit");
    assert!(commits.contains("by lab via cli commit confirmed, rollback in 5mins\n    a change\n"));
    bench.advance(240);
    assert_eq!(
        tail(&seat.run_whole(""), 2),
        "# commit confirmed will be rolled back in 1 minutes\nlab@r1> "
    );
    bench.advance(60);
    assert_eq!(bench.running(), before);
    assert!(seat.run("show system commit").contains("by root via other\n1 "));
    assert!(seat.run("show bgp summary").contains("2/6/6/0"));
}

#[test]
fn a_commit_and_also_a_check_confirm() {
    for confirmation in ["commit", "commit check"] {
        let bench = Bench::new("juniper_junos");
        let mut seat = bench.session();
        seat.enter(&["configure exclusive", SHUT, "commit confirmed 1", confirmation]);
        assert!(!bench.is_pending(), "{confirmation}");
        bench.advance(600);
        assert!(!bench.running().contains("neighbor 192.0.2.9 "));
    }
    let bench = Bench::with("juniper_junos", Faults { ignores_confirm: true, ..Faults::default() });
    bench.session().enter(&["configure exclusive", SHUT, "commit confirmed 1", "commit"]);
    bench.advance(60);
    assert!(bench.running().contains("neighbor 192.0.2.9 "));
}

#[test]
fn an_exclusive_candidate_locks_others_out_and_goes_with_its_session() {
    let bench = Bench::new("juniper_junos");
    let before = bench.running();
    let mut seat = bench.session();
    assert!(
        seat.run("configure exclusive")
            .starts_with("warning: uncommitted changes will be discarded")
    );
    seat.enter(&["set system host-name r2"]);
    let mut other = bench.session();
    let locked =
        "error: configuration database locked by:\n  lab terminal pts/0 (pid 90211) on since ";
    assert!(other.run("configure exclusive").starts_with(locked));
    assert_eq!(other.prompt(), "lab@r1> ");
    assert!(other.run("configure").contains("Users currently editing the configuration:\n  lab "));
    assert!(other.run("set system host-name r3").starts_with(locked));
    assert!(other.run("commit").starts_with(locked));
    assert_eq!(bench.chassis.configuration.lock_holder().as_deref(), Some("lab"));
    drop(seat);
    assert_eq!(bench.chassis.configuration.lock_holder(), None);
    assert_eq!(other.run("show | compare"), "\n[edit]\n");
    other.enter(&["set system host-name r3"]);
    let mut third = bench.session();
    assert_eq!(third.run("configure exclusive"), "error: configuration database modified\n\n");
    assert!(
        other
            .run_whole("exit configuration-mode")
            .ends_with("Exit with uncommitted changes? [yes,no] (yes) ")
    );
    other.run("yes");
    assert!(
        third.run("configure").contains("The configuration has been changed but not committed\n")
    );
    assert_eq!(bench.running(), before);
    third.enter(&["rollback 0", "exit"]);
}

#[test]
fn statements_are_refused_when_typed_or_when_committed() {
    let rejects = vec![Rejection::at_commit("set interfaces ge-0/0/0 mtu")];
    let bench = Bench::with("juniper_junos", Faults { rejects, ..Faults::default() });
    let mut seat = bench.session();
    seat.enter(&["configure"]);
    let said = seat.run("set system hostname x");
    assert!(said.starts_with("                   ^\nsyntax error"), "{said}");
    assert!(seat.run("set system host-name").contains("^\nmissing argument.\n"));
    assert_eq!(seat.run("delete snmp contact"), "warning: statement not found\n\n[edit]\n");
    assert!(seat.run("frobnicate").contains("unknown command"));
    seat.enter(&["set interfaces ge-0/0/0 mtu 20000"]);
    let failed = "error: interfaces ge-0/0/0 mtu 20000: constraint not met\n\
                  error: commit failed: (statements constraint check failed)\n\n[edit]\n";
    assert_eq!(seat.run("commit check"), failed);
    assert_eq!(seat.run("commit confirmed 5"), failed);
    assert!(!bench.is_pending());
}

#[test]
fn texts_are_loaded_up_to_the_end_of_input() {
    let bench = Bench::new("juniper_junos");
    let mut seat = bench.session();
    seat.enter(&["configure", "load set terminal", "set system host-name r2"]);
    let said = seat.run("delete snmp location\rset nonsense\r\x04");
    assert!(said.contains("load complete (1 errors)\n"), "{said}");
    seat.enter(&["load merge terminal"]);
    assert!(seat.run("snmp {\r    contact \"noc lab\";\r}\r\x04").contains("load complete\n"));
    let shown = seat.run("show snmp | display set");
    assert_eq!(
        shown,
        "set snmp contact \"noc lab\"\nset snmp community labReadOnly authorization read-only\n\n[edit]\n"
    );
    assert!(seat.run("show system | match host-name").contains("host-name r2;\n"));
}

#[test]
fn ssh_must_stay_on_for_new_connections() {
    let bench = Bench::new("juniper_junos");
    let mut seat = bench.session();
    seat.enter(&["configure exclusive", "delete system services ssh", "commit confirmed 1"]);
    assert!(bench.chassis.configuration.locks_out());
    bench.advance(60);
    assert!(!bench.chassis.configuration.locks_out());
}
