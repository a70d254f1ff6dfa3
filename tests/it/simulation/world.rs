//! Builds the world of a schedule, lets it run, and has the fault strike where it should.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::json;
use turmoil::Sim;
use turmoil::net::TcpListener;
use vty_mcp::inventory::{Device, HostKeyPolicy, LoadOptions};
use vty_mcp::lab::{Faults, HostKey, Lab, LabDevice, Observed, Personality};
use vty_mcp::platform::Platforms;
use vty_mcp::pool::Pool;
use vty_mcp::transport::{Dialer, HostKeys};

use super::network::{Control, End, Simulated, Wire};
use super::schedule::{Fault, Phase, Schedule};
use super::script::{Script, Shared, Stage};
use crate::support::credentials;

/// How far time moves at once; nothing happens in between.
const TICK: Duration = Duration::from_millis(5);
/// How long a schedule may last.
const LONGEST: Duration = Duration::from_secs(900);
/// Idle connections are probed this often.
const KEEPALIVE: Duration = Duration::from_secs(2);

static PLATFORMS: LazyLock<Arc<Platforms>> = LazyLock::new(|| Arc::new(Platforms::embedded()));
static PERSONALITIES: LazyLock<HashMap<&str, Arc<Personality>>> = LazyLock::new(|| {
    let load = |name| (name, Arc::new(Personality::builtin(name).unwrap()));
    ["frr", "cisco_ios"].into_iter().map(load).collect()
});

/// What each command prints on each platform when nothing goes wrong.
static CALM: LazyLock<HashMap<&str, Arc<HashMap<&'static str, String>>>> = LazyLock::new(|| {
    let run = |platform| {
        let ran = run_expecting(&Schedule::calm(platform), Arc::default());
        assert!(ran.violations.is_empty(), "{:#?}", ran.violations);
        assert_eq!(ran.outputs.len(), 2);
        (platform, Arc::new(ran.outputs))
    };
    ["frr", "cisco_ios"].into_iter().map(run).collect()
});

/// What became of a schedule.
pub(super) struct Ran {
    /// Whether the fault struck in its phase.
    pub(super) struck: bool,
    /// How the calls ended, in their order.
    pub(super) codes: Vec<&'static str>,
    pub(super) violations: Vec<String>,
    outputs: HashMap<&'static str, String>,
}

pub(super) fn run(schedule: &Schedule) -> Ran {
    run_expecting(schedule, Arc::clone(&CALM[schedule.platform]))
}

fn run_expecting(schedule: &Schedule, expected: Arc<HashMap<&'static str, String>>) -> Ran {
    let pieces = Faults {
        chunk_size: Some(60),
        chunk_delay: Duration::from_millis(10),
        ..Faults::default()
    };
    let faults = if schedule.in_pieces { pieces } else { Faults::default() };
    let lab = Arc::new(lab(schedule.platform, faults));
    let control = Arc::new(Control::default());
    let shared = Arc::new(Shared::new());
    let mut sim = turmoil::Builder::new()
        .rng_seed(schedule.seed)
        .enable_random_order()
        .tick_duration(TICK)
        .min_message_latency(schedule.latency.0)
        .max_message_latency(schedule.latency.1)
        .simulation_duration(LONGEST)
        .tcp_capacity(1024)
        .build();
    serve(&mut sim, &lab, &control);
    let device = Arc::new(device(
        &lab,
        json!({
            "connect_seconds": 2, "auth_seconds": 3, "idle_seconds": 3, "command_seconds": 8
        }),
    ));
    let script = Script {
        pool: Arc::new(pool(&device, &control, KEEPALIVE)),
        platforms: Arc::clone(&PLATFORMS),
        device,
        shared: Arc::clone(&shared),
        control: Arc::clone(&control),
        expected,
        secrets: vec!["lab-password".to_owned(), "lab-enable".to_owned()],
        idle: schedule.idle,
        callers: schedule.callers,
        trusting: schedule.trusting,
    };
    sim.client("us", async move {
        script.run().await;
        Ok(())
    });
    let mut director = Director {
        schedule,
        shared: &shared,
        control: &control,
        lab: &lab,
        begun: None,
        fired: None,
    };
    if schedule.fault.is_none() {
        shared.heal();
    }
    let struck = loop {
        match sim.step() {
            Ok(true) => break director.fired.is_some(),
            Ok(false) => {}
            Err(error) => {
                shared.violated(format!("the schedule did not end: {error}"));
                break true;
            }
        }
        director.direct(&mut sim);
    };
    let seen = lab.devices()[0].observed();
    if seen.password_attempts > seen.connections {
        shared.violated(format!("a password was sent twice on a connection: {seen:?}"));
    }
    let violations = shared.violations();
    Ran { struck, codes: shared.codes(), violations, outputs: shared.outputs() }
}

/// One device that listens nowhere.
pub(super) fn lab(platform: &str, faults: Faults) -> Lab {
    let personality = Arc::clone(&PERSONALITIES[platform]);
    let device = LabDevice::with_personality("device", personality)
        .host_key(HostKey::Phrase("simulated".to_owned()))
        .enable_secret("lab-enable")
        .faults(faults);
    Lab::prepare(vec![device]).unwrap()
}

/// Puts the device into the network. What it is outlives its crashes.
pub(super) fn serve(sim: &mut Sim<'_>, lab: &Arc<Lab>, control: &Arc<Control>) {
    let (lab, control) = (Arc::clone(lab), Arc::clone(control));
    sim.host("device", move || {
        let (lab, control) = (Arc::clone(&lab), Arc::clone(&control));
        async move {
            let listener = TcpListener::bind(("0.0.0.0", 22)).await?;
            loop {
                let (stream, _) = listener.accept().await?;
                let wire = Wire::new(stream, &control, End::Devices);
                let lab = Arc::clone(&lab);
                tokio::spawn(async move { lab.devices()[0].serve(wire).await });
            }
        }
    });
}

/// The device as the inventory describes it.
pub(super) fn device(lab: &Lab, timeouts: serde_json::Value) -> Device {
    let mut inventory = lab.inventory();
    let entry = &mut inventory["devices"]["device"];
    entry["address"] = json!("device");
    entry["port"] = json!(22);
    entry["timeouts"] = timeouts;
    entry["host_key"] = json!(lab.devices()[0].fingerprint());
    let options = LoadOptions {
        resolve_platform: &|name| PLATFORMS.resolve(name),
        platform_names: Vec::new(),
        strict_files: false,
        allow_proxy_commands: false,
    };
    let loaded = vty_mcp::inventory::parse(&inventory.to_string(), Path::new("lab.json"), &options);
    loaded.unwrap().inventory.device("device").unwrap().clone()
}

pub(super) fn pool(device: &Device, control: &Arc<Control>, keepalive: Duration) -> Pool {
    assert!(device.host_keys.is_some(), "a pinned key needs no file");
    let host_keys = HostKeys::new("/nonexistent/known_hosts".into());
    let network = Arc::new(Simulated(Arc::clone(control)));
    let dialer = Dialer::new(network, host_keys, HostKeyPolicy::Strict).with_keepalive(keepalive);
    Pool::new(Arc::clone(&PLATFORMS), dialer, credentials(), 1 << 20)
}

/// Has the fault strike, and heals the world after it.
struct Director<'a> {
    schedule: &'a Schedule,
    shared: &'a Shared,
    control: &'a Control,
    lab: &'a Lab,
    /// When the phase began, and how many bytes had been under way by then.
    begun: Option<(Duration, u64)>,
    fired: Option<Duration>,
}

impl Director<'_> {
    /// Looks at the world after a tick.
    fn direct(&mut self, sim: &mut Sim<'_>) {
        let Some(fault) = self.schedule.fault else { return };
        let now = sim.elapsed();
        let stage = self.shared.stage();
        if let Some(fired) = self.fired {
            let due = now >= fired + self.schedule.lasts || stage == Stage::Healing;
            if due && !self.shared.is_healed() {
                self.heal(fault, sim);
                self.shared.heal();
            }
            return;
        }
        let seen = self.lab.devices()[0].observed();
        let phase = phase(stage, &seen);
        if phase.is_none() {
            // It came too late, and nothing is wrong.
            self.shared.heal();
        }
        if phase != Some(self.schedule.phase) {
            return;
        }
        let bytes = seen.bytes_sent + seen.bytes_received;
        let (begun, bytes_before) = *self.begun.get_or_insert((now, bytes));
        // It strikes only what is under way.
        let under_way = bytes > bytes_before || in_flight(sim) > 0 || stage == Stage::Idle;
        if now >= begun + self.schedule.after && under_way {
            self.fired = Some(now);
            self.shared.strike();
            self.strike(fault, sim);
        }
    }

    fn strike(&self, fault: Fault, sim: &mut Sim<'_>) {
        match fault {
            Fault::Partition => sim.partition("us", "device"),
            Fault::Hold => sim.hold("us", "device"),
            Fault::PowerLoss => {
                sim.partition("us", "device");
                sim.crash("device");
            }
            Fault::Crash => sim.crash("device"),
            Fault::Reset => self.control.reset(),
            Fault::Freeze => self.control.freeze(true),
            Fault::Jitter => {
                sim.set_link_max_message_latency("us", "device", self.schedule.jitter);
            }
        }
    }

    fn heal(&self, fault: Fault, sim: &mut Sim<'_>) {
        match fault {
            Fault::Partition => sim.repair("us", "device"),
            Fault::Hold => sim.release("us", "device"),
            Fault::PowerLoss => {
                sim.repair("us", "device");
                sim.bounce("device");
            }
            Fault::Crash => sim.bounce("device"),
            Fault::Reset => {}
            Fault::Freeze => self.control.freeze(false),
            Fault::Jitter => {
                sim.set_link_max_message_latency("us", "device", self.schedule.latency.1);
            }
        }
    }
}

/// The phase, from how far the script is and what the device saw; none when there is none left.
fn phase(stage: Stage, seen: &Observed) -> Option<Phase> {
    Some(match stage {
        Stage::Opening if seen.bytes_received == 0 => Phase::Connect,
        Stage::Opening if seen.logins_begun == 0 => Phase::KeyExchange,
        Stage::Opening if seen.logins_succeeded == 0 => Phase::Authentication,
        Stage::Opening => Phase::Login,
        Stage::FirstShow => Phase::FirstShow,
        Stage::Idle => Phase::Idle,
        Stage::SecondShow => Phase::SecondShow,
        Stage::Healing | Stage::Closing => return None,
    })
}

fn in_flight(sim: &Sim<'_>) -> usize {
    let mut count = 0;
    sim.links(|links| count = links.map(Iterator::count).sum());
    count
}
