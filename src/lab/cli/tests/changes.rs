//! Several sessions of one device, for the tests of its configuration.

use super::*;

/// A device that sessions can be opened on.
pub(super) struct Bench {
    platform: &'static str,
    faults: Faults,
    pub(super) chassis: Arc<Chassis>,
}

/// A session at a prompt.
pub(super) struct Seat(Cli);

impl Bench {
    pub(super) fn new(platform: &'static str) -> Self {
        Self::with(platform, Faults::default())
    }

    pub(super) fn with(platform: &'static str, faults: Faults) -> Self {
        Self { platform, chassis: chassis(platform, &faults), faults }
    }

    /// A session, privileged where there is such a thing.
    pub(super) fn session(&self) -> Seat {
        let personality = Personality::builtin(self.platform).unwrap();
        let identity = Identity {
            user: "lab".to_owned(),
            role: String::new(),
            enable_secret: None,
            password: String::new(),
            options: String::new(),
        };
        let faults = Arc::new(self.faults.clone());
        let chassis = Arc::clone(&self.chassis);
        let mut cli = Cli::new(Arc::new(personality), faults, chassis, identity, (500, 10_000));
        cli.start();
        let mut seat = Seat(cli);
        if matches!(self.platform, "cisco_ios" | "arista_eos") {
            seat.run("enable");
        }
        seat
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.chassis.configuration.advance(Duration::from_secs(seconds));
    }

    pub(super) fn running(&self) -> String {
        self.chassis.configuration.running_text()
    }

    pub(super) fn startup(&self) -> String {
        self.chassis.configuration.startup_text()
    }

    pub(super) fn is_pending(&self) -> bool {
        self.chassis.configuration.pending().is_some()
    }
}

impl Seat {
    /// What stands between the line and the next prompt.
    pub(super) fn run(&mut self, line: &str) -> String {
        let whole = self.run_whole(line);
        let (_, after) = whole.split_once('\n').unwrap_or(("", &whole));
        let lines: Vec<&str> = after.lines().collect();
        let (_, shown) = lines.split_last().unwrap_or((&"", &[]));
        shown.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// Everything up to and with the next prompt.
    pub(super) fn run_whole(&mut self, line: &str) -> String {
        text(&self.0.feed(format!("{line}\r").as_bytes())).replace("\r\n", "\n")
    }

    /// The last line on the screen.
    pub(super) fn prompt(&mut self) -> String {
        self.run_whole("").lines().next_back().unwrap_or_default().to_owned()
    }

    /// Runs lines that the device takes without a word.
    pub(super) fn enter(&mut self, lines: &[&str]) {
        for line in lines {
            let said = self.run(line);
            assert!(!said.contains('%') && !said.contains('^'), "{line}: {said}");
        }
    }
}

/// Words that a device may or may not understand, in no order.
const WORDS: &str = "configure terminal exclusive session a b commit timer 00:01:00 confirmed 1 9 check abort \
    revert now confirm show | compare rollback 0 display set delete edit up top exit end no interface gi1 \
    Ethernet1 ge-0/0/0 unit family inet address 192.0.2.1/30 router bgp 65001 neighbor 192.0.2.2 shutdown \
    description \"x y\" [ ] { } ; protocols group EBGP system services ssh load override merge \u{4} yes \
    running-config session-config diffs named sessions detail json address-family ipv4 hostname write memory ip";

#[test]
fn no_line_of_words_in_any_order_breaks_a_device() {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    for platform in Personality::builtin_names() {
        let bench = Bench::new(platform);
        let mut seats = [bench.session(), bench.session()];
        let mut seed = 7_usize;
        let mut next = |limit: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % limit
        };
        for round in 0..1500 {
            let count = 1 + next(6);
            let line: Vec<&str> = (0..count).map(|_| words[next(words.len())]).collect();
            seats[next(2)].run_whole(&line.join(" "));
            if round % 100 == 0 {
                bench.advance(30);
                seats[next(2)] = bench.session();
            }
        }
        drop(seats);
        bench.advance(u64::MAX);
        assert!(!bench.is_pending(), "{platform}");
        assert_eq!(bench.chassis.configuration.lock_holder(), None);
    }
}
