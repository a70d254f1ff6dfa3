//! Deterministic simulation: our pool, dialer and sessions against a device of the lab, over a
//! network that exists only in the test and in whose time minutes take milliseconds.
//!
//! Each seed is a schedule: one fault in one phase. It counts only if the fault struck while
//! something of its phase was under way, as the device and the network saw it. Whatever happens,
//! every call ends, its answer is exact or an error of the right kind, no secret is in an error, no
//! password goes out twice on a connection, and after the world is healed the next calls succeed and
//! nothing is left open.
//!
//! `VTY_SIM_SEED=… cargo test --test it simulation` repeats one schedule, and
//! `VTY_SIM_SCHEDULES=2500` runs that many in each test. A seed decides the
//! schedule, the latency of each message, the order in which hosts run and all time. It does not
//! decide keys, padding and other randomness of the cryptography, which changes no length that
//! matters here; nor in which order `select!` looks at what is ready, nor the order of hash maps. So
//! a seed repeats the same story and not always the same interleaving within a tick of 5 ms. The
//! network keeps order and repeats nothing that was lost: a partition kills the connections that
//! had something under way, as if the device had lost its state.
//!
//! Hits per phase and fault are in `target/tmp/simulation-*.txt`.

mod network;
mod schedule;
mod script;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use vty_mcp::lab::Faults;
use vty_mcp::platform::Platforms;
use vty_mcp::policy::permit_read;

use self::network::Control;
use self::schedule::{Phase, Schedule};

/// Schedules that count, of each test; `VTY_SIM_SCHEDULES` asks for more.
const WANTED: usize = 255;
/// Seeds of each test, most of which count.
const SEEDS: u64 = 1_000_000;

/// Says which schedule a panic came from.
struct Flight(u64);

impl Drop for Flight {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Not captured by the test harness, and lost only with standard error itself.
            let _lost = writeln!(std::io::stderr(), "VTY_SIM_SEED={} fails", self.0);
        }
    }
}

/// Runs schedules of these phases until enough of them count.
fn check(group: u64, name: &str, phases: &[Phase]) {
    let only = std::env::var("VTY_SIM_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seeds = match only {
        Some(seed) if seed / SEEDS == group => seed..seed + 1,
        Some(_) => return,
        None => group * SEEDS..(group + 1) * SEEDS,
    };
    let wanted = std::env::var("VTY_SIM_SCHEDULES").map_or(WANTED, |count| count.parse().unwrap());
    let mut hits: BTreeMap<(Phase, String), (usize, usize)> = BTreeMap::new();
    let mut failed = Vec::new();
    let (mut counted, mut tried) = (0, 0);
    for seed in seeds {
        let flight = Flight(seed);
        let schedule = Schedule::of(seed, phases);
        let ran = world::run(&schedule);
        tried += 1;
        let problems = &ran.violations;
        let codes = &ran.codes;
        if !problems.is_empty() {
            failed.push(format!("VTY_SIM_SEED={seed}: {problems:#?} {codes:?} in {schedule:?}"));
            if failed.len() == 5 {
                break;
            }
        }
        drop(flight);
        if ran.struck {
            counted += 1;
            let fault = schedule.fault.map(|fault| format!("{fault:?}")).unwrap_or_default();
            let (all, seen) = hits.entry((schedule.phase, fault)).or_default();
            *all += 1;
            *seen += usize::from(ran.codes.iter().any(|code| *code != "none"));
        }
        if counted == wanted {
            break;
        }
        assert!(tried < 4 * wanted, "only {counted} of {tried} schedules struck");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let mut table = format!("{counted} schedules counted of {tried}\n");
    for ((phase, fault), (all, seen)) in &hits {
        let phase = format!("{phase:?}");
        writeln!(table, "{phase:<14} | {fault:<9} | {all:>4} struck | {seen:>4} seen by a caller")
            .unwrap();
    }
    if only.is_none() {
        for phase in phases {
            let of_phase = hits.iter().filter(|((hit, _), _)| hit == phase);
            let all: usize = of_phase.map(|(_, (all, _))| all).sum();
            assert!(all >= wanted / phases.len() / 4, "{phase:?} was hit {all} times\n{table}");
        }
        let path = format!("{}/simulation-{name}.txt", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(path, table).unwrap();
    }
}

#[test]
fn faults_while_connecting_are_told_and_outlived() {
    check(1, "connect", &[Phase::Connect, Phase::KeyExchange]);
}

#[test]
fn faults_while_logging_in_are_told_and_outlived() {
    check(2, "login", &[Phase::Authentication, Phase::Login]);
}

#[test]
fn faults_while_a_command_runs_are_told_and_outlived() {
    check(3, "show", &[Phase::FirstShow]);
}

#[test]
fn faults_while_a_session_waits_are_told_and_outlived() {
    check(4, "idle", &[Phase::Idle, Phase::SecondShow]);
}

#[test]
fn a_device_that_ignores_keepalives_is_given_up() {
    let faults = Faults {
        ignores_keepalives: true,
        hang: vec!["show version".to_owned()],
        ..Faults::default()
    };
    let lab = Arc::new(world::lab("frr", faults));
    let control = Arc::new(Control::default());
    let mut sim = turmoil::Builder::new()
        .tick_duration(Duration::from_millis(100))
        .simulation_duration(Duration::from_secs(4_000))
        .build();
    world::serve(&mut sim, &lab, &control);
    let timeouts = json!({ "idle_seconds": 2_000, "command_seconds": 2_500 });
    let device = world::device(&lab, timeouts);
    let pool = world::pool(&device, &control, Duration::from_secs(15));
    sim.client("us", async move {
        let cancel = CancellationToken::new();
        let mut lease = pool.lease(&device, &cancel).await?;
        let platform = Platforms::embedded().get(&device.platform)?;
        let command = permit_read(&platform, "show version")?;
        let asked = turmoil::elapsed();
        let error = lease.run(&command, &cancel).await.unwrap_err();
        assert_eq!(error.code().as_str(), "session_lost", "{error:?}");
        // Three probes without an answer, 15 s apart, and the time of the first one.
        let waited = turmoil::elapsed().saturating_sub(asked);
        assert!(waited < Duration::from_secs(80), "{waited:?}");
        Ok(())
    });
    sim.run().unwrap();
    let row = "keepalive ignored            | show           | judge: lab | session_lost\n";
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-keepalive.txt"), row).unwrap();
}
