//! Lines that are live at once, without a net.

use super::changes::Bench;

#[test]
fn each_line_is_live_at_once_and_nothing_takes_it_back_by_itself() {
    let bench = Bench::new("frr");
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["configure terminal", "router bgp 65004", "neighbor 192.0.2.13 shutdown"]);
    assert!(bench.running().contains("\n neighbor 192.0.2.13 shutdown\n"));
    seat.enter(&["end"]);
    let shown = seat.run("show ip bgp summary");
    assert!(shown.contains("    0    0    0 00:00:05 Idle (Admin)        0 ios-r1\n"), "{shown}");
    seat.enter(&[
        "configure terminal",
        "router bgp 65004",
        "no neighbor 192.0.2.13 shutdown",
        "end",
    ]);
    assert!(seat.run("show bgp summary").contains(" 03:21:44            6        8 ios-r1\n"));
    assert_eq!(bench.running(), before);
    seat.enter(&["configure terminal", "router bgp 65004", "no neighbor 192.0.2.13", "end"]);
    let shown = seat.run("show bgp summary");
    assert!(
        shown.contains("Peers 0,") && shown.ends_with("Total number of neighbors 0\n"),
        "{shown}"
    );
    bench.advance(100_000);
    assert!(!bench.running().contains("192.0.2.13"));
}

#[test]
fn sections_end_as_vtysh_ends_them() {
    let bench = Bench::new("frr");
    let mut seat = bench.session();
    seat.enter(&[
        "conf t",
        "interface eth9",
        "description x",
        "exit",
        "route-map A permit 10",
        "set metric 5",
    ]);
    let running = bench.running();
    assert!(running.contains("!\ninterface eth9\n description x\nexit\n!\n"), "{running}");
    assert!(
        running.ends_with("exit\n!\nroute-map A permit 10\n set metric 5\nexit\n!\n"),
        "{running}"
    );
}

#[test]
fn lines_that_are_not_known_are_refused_by_name() {
    let bench = Bench::new("frr");
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["conf t"]);
    assert_eq!(seat.run("frobnicate 1"), "% Unknown command: frobnicate 1\n");
    seat.enter(&["router bgp 65004"]);
    let said = seat.run("neighbor 192.0.2.99 shutdown");
    assert_eq!(said, "% Specify remote-as or peer-group commands first\n");
    assert_eq!(bench.running(), before);
    seat.enter(&["hostname r2", "end"]);
    assert_eq!(
        seat.run("write memory"),
        "Note: this version of vtysh never writes vtysh.conf\nBuilding Configuration...\n\
         Integrated configuration saved to /etc/frr/frr.conf\n[OK]\n"
    );
    assert!(bench.startup().contains("hostname r2\n"));
}
