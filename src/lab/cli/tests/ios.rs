//! Lines that are live at once, and the timer that takes them back.

use super::super::super::faults::{Rejection, Rollback};
use super::changes::Bench;
use super::*;

const TIMER: &str = "configure terminal revert timer 5";

#[test]
fn each_line_is_live_at_once_and_no_takes_it_back() {
    let bench = Bench::new("cisco_ios");
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["conf t", "int gi1", "desc uplink", "ip address 192.0.2.9 255.255.255.252"]);
    let changed = before
        .replace("description to eos-sw1 Ethernet1", "description uplink")
        .replace("ip address 192.0.2.1 ", "ip address 192.0.2.9 ");
    assert_eq!(bench.running(), changed);
    seat.enter(&["description to eos-sw1 Ethernet1", "ip address 192.0.2.1 255.255.255.252"]);
    assert_eq!(bench.running(), before);
    seat.enter(&["no ip address", "no description", "shutdown", "exit"]);
    let interface = "interface GigabitEthernet1\n no ip address\n negotiation auto\n shutdown\n!\n";
    assert!(bench.running().contains(interface), "{}", bench.running());
    seat.enter(&["router bgp 65001", "no neighbor 192.0.2.2"]);
    assert!(!bench.running().contains("neighbor 192.0.2.2 "));
    seat.enter(&["interface Loopback9", "ip address 198.51.100.9 255.255.255.255", "ntp server x"]);
    assert_eq!(seat.prompt(), "r1(config)#");
    let loopback =
        "!\ninterface Loopback9\n ip address 198.51.100.9 255.255.255.255\n!\nrouter bgp";
    assert!(bench.running().contains(loopback), "{}", bench.running());
    assert!(bench.running().contains("ntp server 203.0.113.12\nntp server x\n"));
    seat.enter(&["no interface Loopback9", "no ntp server x"]);
    assert!(!bench.running().contains("Loopback9") && !bench.running().contains("server x"));
}

#[test]
fn what_was_removed_comes_back_where_it_was() {
    let bench = Bench::new("cisco_ios");
    let before = bench.running();
    bench.session().enter(&[
        "conf t",
        "router bgp 65001",
        "no neighbor 192.0.2.6 description",
        "neighbor 192.0.2.6 description junos-fw1",
        "no address-family ipv4",
        "address-family ipv4",
        "network 198.51.100.1 mask 255.255.255.255",
        "network 203.0.113.0 mask 255.255.255.192",
        "neighbor 192.0.2.2 activate",
        "neighbor 192.0.2.6 activate",
        "neighbor 192.0.2.14 activate",
    ]);
    assert_eq!(bench.running(), before);
}

#[test]
fn an_unconfirmed_change_is_taken_back() {
    let bench = Bench::new("cisco_ios");
    let before = bench.running();
    let mut seat = bench.session();
    assert_eq!(
        seat.run("show archive config rollback timer"),
        "%No Rollback Confirmed Change pending\n"
    );
    assert_eq!(seat.run("configure confirm"), "%No Rollback Confirmed Change pending\n");
    assert!(seat.run(TIMER).starts_with("Rollback Confirmed Change: Backing up"));
    seat.enter(&["hostname r2", "end"]);
    assert_eq!(seat.prompt(), "r2#");
    let timer = seat.run("show archive config rollback timer");
    assert!(timer.contains("Timer value: 5 min\nUser: lab\n"), "{timer}");
    assert_eq!(seat.run(TIMER), "%A Rollback Confirmed Change is already pending\n");
    bench.advance(240);
    assert!(bench.is_pending());
    drop(seat);
    bench.advance(60);
    assert!(!bench.is_pending());
    assert_eq!(bench.running(), before);
}

#[test]
fn a_change_is_confirmed_or_reverted_and_saved_by_command() {
    let bench = Bench::new("cisco_ios");
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["configure terminal revert timer 1", "hostname r2", "end"]);
    assert!(seat.run("configure revert now").contains("Rollback Done"));
    assert_eq!(bench.running(), before);
    seat.enter(&["configure terminal revert timer 1", "hostname r2", "end", "configure confirm"]);
    bench.advance(600);
    assert!(bench.running().contains("hostname r2\n"));
    assert_eq!(bench.startup(), before);
    assert_eq!(seat.run("write memory"), "Building configuration...\n[OK]\n");
    assert_eq!(bench.startup(), bench.running());
    let startup = seat.run("show startup-config");
    assert!(startup.starts_with("Using 3127 out of") && startup.contains("\nhostname r2\n"));
    let running = seat.run("show running-config");
    assert!(running.contains("! Last configuration change at 08:"), "{running}");
}

#[test]
fn the_timer_needs_an_archive() {
    let bench = Bench::new("cisco_ios");
    let mut seat = bench.session();
    seat.enter(&["conf t", "no archive", "end"]);
    assert_eq!(seat.run(TIMER), "%Archive feature not enabled\n");
    assert_eq!(seat.prompt(), "r1#");
    seat.enter(&["conf t", "archive", "path flash:other", "end", TIMER]);
}

#[test]
fn lines_are_refused_in_the_words_of_the_device() {
    let overlap = Rejection::of("ip address 10.").saying("% 10.0.0.0 overlaps with Loopback0\n");
    let rejects = vec![overlap, Rejection::of("mtu")];
    let bench = Bench::with("cisco_ios", Faults { rejects, ..Faults::default() });
    let before = bench.running();
    let mut seat = bench.session();
    seat.enter(&["conf t", "int gi1"]);
    let said = seat.run("ip address 10.0.0.1 255.0.0.0");
    assert_eq!(said, "% 10.0.0.0 overlaps with Loopback0\n");
    assert!(seat.run("mtu 9000").contains("% Invalid input detected"));
    assert!(seat.run("frobnicate").contains("      ^\n% Invalid input detected"));
    assert!(seat.run("no frobnicate").contains("% Invalid input detected"));
    seat.enter(&["router bgp 65001"]);
    let said = seat.run("neighbor 192.0.2.99 shutdown");
    assert_eq!(said, "% Specify remote-as or peer-group commands first\n");
    assert_eq!(bench.running(), before);
}

#[test]
fn other_commands_show_what_was_shut_down() {
    let bench = Bench::new("cisco_ios");
    let mut seat = bench.session();
    let summary = seat.run("show ip bgp summary");
    let brief = seat.run("show ip interface brief");
    seat.enter(&["conf t", "int gi1", "shutdown", "int gi5", "no shutdown"]);
    seat.enter(&[
        "router bgp 65001",
        "neighbor 192.0.2.2 shutdown",
        "no neighbor 192.0.2.6",
        "end",
    ]);
    let shown = seat.run("show ip interface brief");
    assert!(shown.contains(
        "GigabitEthernet1       192.0.2.1       YES NVRAM  administratively down down    \n"
    ));
    assert!(shown.contains(
        "GigabitEthernet5       unassigned      YES NVRAM  up                    up      \n"
    ));
    let shown = seat.run("show ip bgp summary");
    assert!(shown.contains(
        "192.0.2.2       4        65002  138011  138204       27    0    0 00:00:05 Idle (Admin)\n"
    ));
    assert!(!shown.contains("192.0.2.6 ") && shown.contains("192.0.2.14 "));
    seat.enter(&["conf t", "int gi1", "no shutdown", "int gi5", "shutdown", "router bgp 65001"]);
    seat.enter(&["no neighbor 192.0.2.2 shutdown", "neighbor 192.0.2.6 remote-as 65003", "end"]);
    assert_eq!(seat.run("show ip bgp summary"), summary);
    assert_eq!(seat.run("show ip interface brief"), brief);
}

#[test]
fn a_confirmation_can_be_ignored_and_a_rollback_fail() {
    let ignores = Faults { ignores_confirm: true, ..Faults::default() };
    let bench = Bench::with("cisco_ios", ignores);
    let before = bench.running();
    bench.session().enter(&[TIMER, "hostname r2", "end", "configure confirm"]);
    bench.advance(300);
    assert_eq!(bench.running(), before);
    let fails = Faults { rollback: Rollback::Fails, ..Faults::default() };
    let bench = Bench::with("cisco_ios", fails);
    let mut seat = bench.session();
    seat.enter(&[TIMER, "hostname r2", "end"]);
    assert!(seat.run("configure revert now").contains("Rollback aborted"));
    assert!(bench.running().contains("hostname r2\n") && !bench.is_pending());
}
