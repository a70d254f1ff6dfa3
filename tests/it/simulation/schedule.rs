//! What a seed stands for: a network, callers, and one fault in one phase of their work.

use std::time::Duration;

/// Random numbers that a seed repeats (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.next() % from.len() as u64).unwrap()]
    }

    /// Milliseconds from `least` to `most`.
    pub(super) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.next() % (most - least + 1))
    }
}

/// What is under way when the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Up to the first byte the device gets.
    Connect,
    KeyExchange,
    Authentication,
    /// From the accepted credential to the prompt that commands run at.
    Login,
    FirstShow,
    /// The session waits in the pool.
    Idle,
    /// Everything until the callers that came next have their answers.
    SecondShow,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Everything between the two is lost, what is under way included.
    Partition,
    /// Everything between the two is late.
    Hold,
    /// The device is gone without a word, and starts again.
    PowerLoss,
    /// The device's server ends; its kernel says goodbye. It starts again.
    Crash,
    /// Both ends see a reset.
    Reset,
    /// The device reads and writes nothing.
    Freeze,
    /// Messages take up to seconds, each its own time.
    Jitter,
}

const FAULTS: [Fault; 7] = [
    Fault::Partition,
    Fault::Hold,
    Fault::PowerLoss,
    Fault::Crash,
    Fault::Reset,
    Fault::Freeze,
    Fault::Jitter,
];

/// Everything that a seed decides.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) seed: u64,
    pub(super) platform: &'static str,
    pub(super) phase: Phase,
    /// Nothing goes wrong where it is absent.
    pub(super) fault: Option<Fault>,
    /// How long after the phase began.
    pub(super) after: Duration,
    /// How long until the world is healed.
    pub(super) lasts: Duration,
    pub(super) latency: (Duration, Duration),
    /// How long a message takes at most while they jitter.
    pub(super) jitter: Duration,
    /// How long the session waits between its callers.
    pub(super) idle: Duration,
    /// How many come at once then.
    pub(super) callers: usize,
    /// Whether a session that was used a moment ago is taken without a proof.
    pub(super) trusting: bool,
    /// Whether the device prints in small pieces, with time between them.
    pub(super) in_pieces: bool,
}

impl Schedule {
    /// Nothing goes wrong.
    pub(super) fn calm(platform: &'static str) -> Self {
        Self { platform, fault: None, ..Self::of(0, &[Phase::Idle]) }
    }

    pub(super) fn of(seed: u64, phases: &[Phase]) -> Self {
        let mut dice = Dice::new(seed);
        let phase = dice.pick(phases);
        let least = dice.millis(1, 15);
        let most = least + dice.millis(0, 30);
        let idle = dice.millis(100, 9_000);
        let in_pieces = dice.pick(&[true, false]);
        // About as long as the phase; a fault that comes too late makes the schedule not count.
        let trips = |count: u32| most * count;
        let pieces = Duration::from_millis(if in_pieces { 60 } else { 0 });
        let length = match phase {
            Phase::Connect => trips(3),
            Phase::KeyExchange => trips(4),
            Phase::Authentication => trips(2),
            Phase::Login => trips(6) + pieces,
            Phase::FirstShow => trips(2) + pieces * 2,
            Phase::Idle => idle,
            Phase::SecondShow => trips(4) + pieces * 2,
        };
        let length = u64::try_from(length.as_millis()).unwrap();
        Self {
            seed,
            platform: dice.pick(&["frr", "cisco_ios"]),
            phase,
            fault: Some(dice.pick(&FAULTS)),
            after: dice.millis(0, length),
            lasts: dice.millis(50, 12_000),
            latency: (least, most),
            jitter: dice.millis(500, 3_000),
            idle,
            callers: dice.pick(&[1, 2, 3]),
            trusting: dice.pick(&[true, false]),
            in_pieces,
        }
    }
}
