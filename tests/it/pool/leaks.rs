//! However callers leave, nothing stays behind.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vty_mcp::lab::LabDevice;
use vty_mcp::policy::permit_read;
use vty_mcp::pool::{Counts, PoolRules};
use vty_mcp::settings::PoolLimits;

use super::rig::Rig;

/// Numbers that are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Lets `work` run for so many turns of the scheduler, and drops it where it is then.
async fn at_most<T>(turns: u64, work: impl Future<Output = T>) -> Option<T> {
    let turning = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = turning => None,
    }
}

const LEASES: u64 = 10_000;
const CALLERS: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_leases_under_random_cancellation_leave_nothing_behind() {
    // Fewer rooms than devices, so that sessions make way all the time.
    let limits = PoolLimits { sessions: 3, handshakes: 2, ..PoolLimits::default() };
    let rules = PoolRules { limits, ..PoolRules::default() };
    let devices = ["r1", "r2", "r3", "r4"].map(|name| LabDevice::new(name, "frr"));
    let rig = Rig::with_rules(devices.into(), rules).await;
    let mut tasks = Vec::new();
    for caller in 0..CALLERS {
        let pool = Arc::clone(&rig.pool);
        let platform = rig.platforms.get(&rig.device("r1").platform).unwrap();
        let command = permit_read(&platform, "show version").unwrap();
        let mut devices: Vec<_> =
            ["r1", "r2", "r3", "r4"].iter().map(|name| rig.device(name)).collect();
        devices[3].max_sessions = 2;
        tasks.push(tokio::spawn(async move {
            let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (caller + 1));
            let (never, mut had) = (CancellationToken::new(), 0_u64);
            for _ in 0..LEASES.div_ceil(CALLERS) {
                let device = &devices[usize::try_from(dice.roll(4)).unwrap()];
                // Most leave early, some see it through.
                let most = 1 << (dice.roll(14) + 1);
                let turns = dice.roll(most);
                let leasing = async {
                    if dice.roll(4) == 0 {
                        pool.lease(device, &never).await
                    } else {
                        pool.lease_for_reading(device, &never).await
                    }
                };
                let Some(Ok(mut lease)) = at_most(turns, leasing).await else { continue };
                had += 1;
                let turns = dice.roll(200);
                match dice.roll(6) {
                    0 => drop(lease),
                    1 => {
                        let _done = at_most(turns, lease.leave()).await;
                    }
                    2 => {
                        drop(at_most(turns, lease.run(&command, &never)).await);
                        let _done = at_most(turns, pool.give_back(lease)).await;
                    }
                    _ => {
                        // A lease that was handed out on trust may be dead, and is given back so.
                        drop(lease.run(&command, &never).await);
                        pool.give_back(lease).await;
                    }
                }
            }
            had
        }));
    }
    let mut had = 0;
    for task in tasks {
        had += task.await.unwrap();
    }
    assert!(had > LEASES / 50, "only {had} callers got a session, so little was tried");
    assert!(had < LEASES - LEASES / 10, "{had} callers got a session, so few left early");
    let idle = |counts: Counts| counts.leased + counts.opening + counts.waiting == 0;
    // What still has a place is parked.
    rig.until(|counts| idle(counts) && counts.places == counts.parked).await;
    rig.stop().await;
}
