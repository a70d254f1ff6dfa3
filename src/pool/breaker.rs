//! Leaves a device alone that failed several times in a row, and tries it again now and then.
//!
//! A pure machine: whoever drives it says what time it is.
//!
//! **Invariants:** while it is open, exactly one try at a time is let through, and only after the
//! wait is over. What is not about the connection neither counts nor resets.

use std::time::Duration;

use tokio::time::Instant;

/// When a device is left alone, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// So many failures in a row open it.
    pub failures: u32,
    /// How long it stays open the first time; every try that fails doubles it.
    pub first: Duration,
    /// How long it stays open at most.
    pub most: Duration,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self { failures: 3, first: Duration::from_secs(30), most: Duration::from_secs(300) }
    }
}

/// Lets one try through. Whoever has one reports how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// An ordinary try.
    Ordinary,
    /// The one try that decides about an open breaker.
    Probe,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The device was reached.
    Reached,
    /// It was not, and another try may end otherwise.
    Failed(String),
    /// The connection was not judged.
    None,
}

/// The device is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// How many tries failed in a row.
    pub(super) failures: u32,
    /// How long it is until the next try; nothing where one is under way.
    pub(super) retry_after: Duration,
    /// How the last one failed.
    pub(super) last: String,
}

/// The breaker of one device.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    rules: BreakerRules,
    failures: u32,
    last: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Instant, wait: Duration, probing: bool },
}

impl Breaker {
    pub(super) fn new(rules: BreakerRules) -> Self {
        Self { rules, failures: 0, last: String::new(), state: State::Closed }
    }

    /// Asks for a try.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Pass, Refused> {
        match &mut self.state {
            State::Closed => Ok(Pass::Ordinary),
            State::Open { until, probing, .. } if *until <= now && !*probing => {
                *probing = true;
                Ok(Pass::Probe)
            }
            State::Open { until, .. } => Err(Refused {
                failures: self.failures,
                retry_after: until.saturating_duration_since(now),
                last: self.last.clone(),
            }),
        }
    }

    /// Learns how a try ended. Returns whether the breaker opened or closed with it.
    pub(super) fn report(&mut self, pass: Pass, verdict: Verdict, now: Instant) -> bool {
        match (verdict, &mut self.state, pass) {
            (Verdict::Reached, state, _) => {
                self.failures = 0;
                std::mem::replace(state, State::Closed) != State::Closed
            }
            (Verdict::Failed(last), State::Closed, _) => {
                self.failures = self.failures.saturating_add(1);
                self.last = last;
                if self.failures < self.rules.failures {
                    return false;
                }
                let wait = self.rules.first;
                self.state = State::Open { until: now + wait, wait, probing: false };
                true
            }
            (Verdict::Failed(last), State::Open { until, wait, probing }, Pass::Probe) => {
                self.failures = self.failures.saturating_add(1);
                self.last = last;
                *wait = wait.saturating_mul(2).min(self.rules.most);
                (*until, *probing) = (now + *wait, false);
                true
            }
            // It began before the breaker opened and says nothing new.
            (Verdict::Failed(_) | Verdict::None, State::Open { .. }, Pass::Ordinary)
            | (Verdict::None, State::Closed, _) => false,
            (Verdict::None, State::Open { probing, .. }, Pass::Probe) => {
                *probing = false;
                false
            }
        }
    }

    /// Whether it remembers nothing, so that a new one would be the same.
    pub(super) fn is_new(&self) -> bool {
        self.failures == 0 && self.state == State::Closed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: BreakerRules = BreakerRules {
        failures: 3,
        first: Duration::from_secs(30),
        most: Duration::from_secs(300),
    };

    fn failed() -> Verdict {
        Verdict::Failed("refused".to_owned())
    }

    /// A breaker that has just opened.
    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(RULES);
        for _ in 0..3 {
            let pass = breaker.admit(now).unwrap();
            breaker.report(pass, failed(), now);
        }
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_a_success_in_between_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULES);
        for verdict in [failed(), failed(), Verdict::Reached, failed(), Verdict::None, failed()] {
            let pass = breaker.admit(now).unwrap();
            assert!(!breaker.report(pass, verdict, now));
        }
        let pass = breaker.admit(now).unwrap();
        assert!(breaker.report(pass, failed(), now), "the third in a row");
        let refused = breaker.admit(now + Duration::from_secs(10)).unwrap_err();
        let expected =
            Refused { failures: 3, retry_after: Duration::from_secs(20), last: "refused".into() };
        assert_eq!(refused, expected);
    }

    #[test]
    fn each_probe_that_fails_doubles_the_wait_up_to_the_most() {
        let mut now = Instant::now();
        let mut breaker = open(now);
        for wait in [30, 60, 120, 240, 300, 300] {
            now += Duration::from_millis(wait * 1000 - 1);
            assert!(breaker.admit(now).is_err(), "{wait}");
            now += Duration::from_millis(1);
            assert_eq!(breaker.admit(now), Ok(Pass::Probe), "{wait}");
            assert!(breaker.admit(now).is_err(), "one at a time");
            breaker.report(Pass::Probe, failed(), now);
        }
    }

    #[test]
    fn a_probe_without_a_verdict_leaves_its_place_to_the_next_and_a_success_closes() {
        let now = Instant::now();
        let mut breaker = open(now);
        let now = now + RULES.first;
        assert_eq!(breaker.admit(now), Ok(Pass::Probe));
        assert!(!breaker.report(Pass::Probe, Verdict::None, now));
        assert_eq!(breaker.admit(now), Ok(Pass::Probe));
        assert!(breaker.report(Pass::Probe, Verdict::Reached, now));
        assert!(breaker.is_new());
        assert_eq!(breaker.admit(now), Ok(Pass::Ordinary));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Whatever happens in whatever order: an open breaker has at most one probe out, lets
        /// nothing through before its time, and every wait is between the first and the most.
        #[test]
        fn any_history_keeps_the_promises(steps in prop::collection::vec((0..4u8, 0..400u64), 1..120)) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(RULES);
            let mut out: Vec<Pass> = Vec::new();
            for (what, seconds) in steps {
                now += Duration::from_secs(seconds / 4);
                if what == 0 || out.is_empty() {
                    match breaker.admit(now) {
                        Ok(pass) => out.push(pass),
                        Err(refused) => {
                            prop_assert!(refused.failures >= RULES.failures);
                            prop_assert!(refused.retry_after <= RULES.most);
                            prop_assert!(
                                refused.retry_after > Duration::ZERO || out.contains(&Pass::Probe)
                            );
                        }
                    }
                } else {
                    let pass = out.remove(usize::try_from(seconds).unwrap() % out.len());
                    let verdict = match what {
                        1 => failed(),
                        2 => Verdict::None,
                        _ => Verdict::Reached,
                    };
                    let reached = verdict == Verdict::Reached;
                    breaker.report(pass, verdict, now);
                    prop_assert!(!reached || breaker.is_new());
                    if reached {
                        // A probe of an earlier time decides about nothing any more.
                        out.retain(|pass| *pass == Pass::Ordinary);
                    }
                }
                prop_assert!(out.iter().filter(|pass| **pass == Pass::Probe).count() <= 1);
            }
        }
    }
}
