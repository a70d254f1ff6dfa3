//! Configuration sessions, their timers and what becomes of them.

use super::changes::Bench;

#[test]
fn a_session_changes_nothing_until_it_is_committed() {
    let bench = Bench::new("arista_eos");
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["configure session change-17"]);
    assert_eq!(seat.prompt(), "r1(config-s-change)#");
    seat.enter(&["interface Ethernet1"]);
    assert_eq!(seat.prompt(), "r1(config-s-change-if-Et1)#");
    assert_eq!(seat.run("show session-config diffs"), "");
    seat.enter(&["description uplink"]);
    assert_eq!(
        seat.run("show session-config diffs"),
        "--- system:/running-config\n+++ session:/change-17-session-config\n@@ -25,7 +25,7 @@\n    name LAN\n !\n \
         interface Ethernet1\n-   description to ios-r1 GigabitEthernet1\n+   description uplink\n    \
         no switchport\n    ip address 192.0.2.2/30\n !\n"
    );
    assert!(seat.run("show session-config").contains("\n   description uplink\n"));
    assert_eq!(bench.running(), before);
    seat.enter(&["commit"]);
    assert_eq!(seat.prompt(), "r1#");
    assert!(bench.running().contains("\n   description uplink\n"));
    assert_eq!(bench.startup(), before);
    assert_eq!(seat.run("write memory"), "Copy completed successfully.\n");
    assert_eq!(bench.startup(), bench.running());
    assert!(seat.run("commit").contains("% Invalid input"));
}

#[test]
fn a_commit_timer_runs_out_unless_it_is_confirmed() {
    let bench = Bench::new("arista_eos");
    let before = bench.running();
    let mut seat = bench.session();
    let change = ["configure session a", "hostname r2", "commit timer 00:05:00"];
    seat.enter(&change);
    assert_eq!(seat.prompt(), "r2#");
    let sessions = seat.run("show configuration sessions detail");
    assert!(
        sessions.contains("  a ")
            && sessions.contains(" pendingCommitTimer ")
            && sessions.contains("0h5m0s")
    );
    let json = seat.run("show configuration sessions detail | json");
    assert!(json.contains("\"commitTimerSessionName\": \"a\""), "{json}");
    seat.enter(&["configure session b", "hostname r3"]);
    assert_eq!(
        seat.run("commit timer 00:01:00"),
        "% Cannot commit: another commit timer is running\n"
    );
    seat.enter(&["abort"]);
    drop(seat);
    bench.advance(300);
    assert_eq!(bench.running(), before);
    assert!(!bench.is_pending());
    let mut seat = bench.session();
    seat.enter(&change);
    seat.enter(&["configure session a commit"]);
    bench.advance(300);
    assert!(bench.running().contains("hostname r2\n"));
    seat.enter(&["configure session c", "hostname r4", "commit timer 00:05:00"]);
    seat.enter(&["configure session c abort"]);
    assert!(bench.running().contains("hostname r2\n") && !bench.is_pending());
}

#[test]
fn a_session_outlives_its_connection_and_overwrites_what_came_later() {
    let bench = Bench::new("arista_eos");
    let mut seat = bench.session();
    seat.enter(&["configure session a", "ntp server 203.0.113.99"]);
    drop(seat);
    assert_eq!(bench.chassis.configuration.open_sessions(), ["a"]);
    let mut other = bench.session();
    other.enter(&["configure terminal", "hostname r2", "end"]);
    assert!(bench.running().contains("hostname r2\n"));
    let named = other.run("show session-config named a diffs");
    assert!(named.contains("+ntp server 203.0.113.99\n") && named.contains("-hostname r2\n"));
    other.enter(&["configure session a commit"]);
    assert!(bench.running().contains("hostname r1\n"));
    assert!(bench.running().contains("ntp server 203.0.113.99\n"));
}

#[test]
fn only_so_many_sessions_may_wait() {
    let bench = Bench::new("arista_eos");
    let mut seat = bench.session();
    for name in ["a", "b", "c", "d", "e"] {
        seat.enter(&[&format!("configure session {name}"), "end"]);
    }
    let said = seat.run("configure session f");
    assert!(said.starts_with("% Maximum number of pending sessions has been reached"), "{said}");
    assert_eq!(seat.prompt(), "r1#");
    seat.enter(&["configure session a abort", "configure session f"]);
    assert!(bench.session().run("configure session x abort").contains("does not exist"));
}

#[test]
fn other_commands_show_what_was_shut_down() {
    let bench = Bench::new("arista_eos");
    let mut seat = bench.session();
    seat.enter(&[
        "configure",
        "router bgp 65002",
        "neighbor 192.0.2.1 shutdown",
        "int Ethernet2",
        "shutdown",
        "end",
    ]);
    let shown = seat.run("show ip bgp summary");
    assert!(shown.contains("    0    0   00:00:05 Idle(Admin)\n"), "{shown}");
    assert!(shown.contains(
        "192.0.2.10 4 65003          42871     43002    0    0   19d22h Estab   6      6\n"
    ));
    let shown = seat.run("show ip interface brief");
    assert!(
        shown.contains(
            "Ethernet2         192.0.2.9/30          admin down   down               1500"
        ),
        "{shown}"
    );
    seat.enter(&["configure", "interface Management1", "shutdown"]);
    assert!(bench.chassis.configuration.locks_out());
}
