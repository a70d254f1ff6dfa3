use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_800_000_000;

fn id(text: &str) -> CredentialId {
    CredentialId::from_kept(text)
}

fn row(scope: LockoutScope, device: &str, since: i64) -> LockoutRow {
    LockoutRow {
        scope,
        credential: "c".to_owned(),
        device_key: device.to_owned(),
        device: device.to_owned(),
        username: "ann".to_owned(),
        since,
        until: since + 900,
        reason: "refused".to_owned(),
    }
}

/// A guard, the store beside it and what is under way.
struct Rig {
    guard: Guard,
    store: Vec<LockoutRow>,
    now: i64,
    /// Whose turn it became while others asked.
    woken: Vec<Place>,
}

impl Rig {
    fn new() -> Self {
        Self {
            guard: Guard::new(GuardRules::default()),
            store: Vec::new(),
            now: NOW,
            woken: Vec::new(),
        }
    }

    /// Asks as the pool does: looks into the store, then for a hold, then for a turn.
    fn ask(&mut self, device: &str) -> Result<(Place, bool), LockoutScope> {
        self.learn();
        match self.guard.held(&id("c"), device, self.now) {
            Some(row) => Err(row.scope),
            None => Ok(self.guard.ask(&id("c"), self.now)),
        }
    }

    fn learn(&mut self) {
        let woken = self.guard.learn(&id("c"), self.store.clone(), self.now);
        self.woken.extend(woken);
    }

    /// A login that has its turn is refused; whose turn it is then.
    fn refuse(&mut self, device: &str) -> Vec<Place> {
        let row = row(LockoutScope::Device, device, self.now);
        self.guard.refused(&id("c"), row.clone());
        self.store.push(row.clone());
        if self.guard.saved(&id("c"), &row, self.store.clone(), self.now) {
            self.store.push(LockoutRow { scope: LockoutScope::Fleet, ..row });
            self.learn();
        }
        let mut turns = std::mem::take(&mut self.woken);
        turns.extend(self.guard.unjudged(&id("c"), self.now));
        turns
    }

    fn accept(&mut self) -> Vec<Place> {
        self.guard.accepted(&id("c"), self.now)
    }
}

#[test]
fn a_refused_credential_is_held_for_that_device_alone_and_for_its_time() {
    let mut rig = Rig::new();
    assert!(rig.ask("r1").unwrap().1);
    rig.refuse("r1");
    assert_eq!(rig.ask("r1"), Err(LockoutScope::Device));
    assert!(rig.ask("r2").unwrap().1);
    rig.accept();
    assert_eq!(rig.ask("r1"), Err(LockoutScope::Device), "a success elsewhere lifts nothing");
    rig.now += 900;
    assert!(rig.ask("r1").unwrap().1);
}

#[test]
fn two_devices_in_a_row_pause_the_fleet_until_the_pause_is_over() {
    let mut rig = Rig::new();
    for device in ["r1", "r2"] {
        assert!(rig.ask(device).unwrap().1);
        rig.refuse(device);
    }
    assert_eq!(rig.ask("r3"), Err(LockoutScope::Fleet));
    rig.now += 900;
    assert!(rig.ask("r3").unwrap().1);
}

#[test]
fn a_success_in_between_makes_two_refusals_none_in_a_row() {
    let mut rig = Rig::new();
    for device in ["r1", "ok", "r2", "ok", "r3", "ok"] {
        assert!(rig.ask(device).unwrap().1, "{device}");
        if device == "ok" {
            rig.accept()
        } else {
            rig.refuse(device)
        };
    }
    assert!(rig.store.iter().all(|row| row.scope == LockoutScope::Device));
}

#[test]
fn an_unproven_credential_is_tried_twice_at_once_and_goes_free_with_the_first_success() {
    let mut rig = Rig::new();
    let turns: Vec<bool> = (0..5).map(|n| rig.ask(&format!("r{n}")).unwrap().1).collect();
    assert_eq!(turns, [true, true, false, false, false]);
    assert_eq!(rig.accept().len(), 3);
    assert!(rig.ask("r9").unwrap().1);
    rig.now += 300;
    for n in 0..5 {
        rig.guard.unjudged(&id("c"), rig.now);
        assert_eq!(rig.guard.counts().0, 4 - n);
    }
    let turns: Vec<bool> = (0..3).map(|n| rig.ask(&format!("r{n}")).unwrap().1).collect();
    assert_eq!(turns, [true, true, false], "after five minutes nothing speaks for it any more");
}

#[test]
fn after_one_refusal_one_at_a_time_tries_and_the_second_ends_the_wait_of_all() {
    let mut rig = Rig::new();
    for n in 0..10 {
        rig.ask(&format!("r{n}")).unwrap();
    }
    assert_eq!(rig.refuse("r0"), [], "one is still under way");
    assert_eq!(rig.refuse("r1").len(), 8, "they learn that it is paused");
    assert_eq!(rig.ask("r2"), Err(LockoutScope::Fleet));
}

#[test]
fn what_another_process_recorded_or_an_operator_lifted_counts_at_once() {
    let mut rig = Rig::new();
    rig.store.push(row(LockoutScope::Device, "r1", NOW - 5));
    assert_eq!(rig.ask("r1"), Err(LockoutScope::Device));
    assert!(rig.ask("r2").unwrap().1);
    assert!(!rig.ask("r3").unwrap().1, "that refusal counts here, too");
    rig.store.clear();
    assert!(!rig.guard.learn(&id("c"), Vec::new(), NOW).is_empty());
    assert!(rig.ask("r1").is_ok());
}

#[test]
fn a_refusal_that_the_store_cannot_keep_holds_all_the_same() {
    let mut rig = Rig::new();
    assert!(rig.ask("r1").unwrap().1);
    rig.guard.refused(&id("c"), row(LockoutScope::Device, "r1", NOW));
    assert_eq!(rig.ask("r1"), Err(LockoutScope::Device));
}

#[test]
fn a_wrong_credential_on_many_devices_costs_two_refusals() {
    let mut rig = Rig::new();
    let mut places = HashMap::new();
    let mut turn: Vec<Place> = Vec::new();
    for n in 0..500 {
        let (place, now) = rig.ask(&format!("r{n}")).unwrap();
        places.insert(place, format!("r{n}"));
        turn.extend(now.then_some(place));
    }
    let mut refusals = 0;
    while let Some(place) = turn.pop() {
        let device = places.remove(&place).unwrap();
        rig.learn();
        if rig.guard.held(&id("c"), &device, rig.now).is_some() {
            turn.extend(rig.guard.unjudged(&id("c"), rig.now));
            continue;
        }
        refusals += 1;
        turn.extend(rig.refuse(&device));
    }
    assert_eq!((refusals, places.len()), (2, 0), "and everybody has an answer");
    assert_eq!(rig.guard.counts(), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever happens in whatever order, while nothing speaks for the credential: refusals and
    /// logins under way are two at most, a device that refused is not tried again, nobody waits
    /// while there is room, and nobody is forgotten.
    #[test]
    fn any_history_keeps_the_promises(
        steps in prop::collection::vec((0..6u8, 0..12u8, 0..120i64), 1..150),
    ) {
        let mut rig = Rig::new();
        let mut under_way: Vec<(Place, String)> = Vec::new();
        let mut waiting: Vec<(Place, String)> = Vec::new();
        for (what, device, seconds) in steps {
            rig.now += seconds / 8;
            let name = format!("r{device}");
            let mut turns = Vec::new();
            match what {
                0 | 1 => {
                    // A device's own line keeps it from being asked twice at once.
                    let busy = under_way.iter().chain(&waiting).any(|(_, known)| *known == name);
                    if busy { continue }
                    if let Ok((place, now)) = rig.ask(&name) {
                        if now { under_way.push((place, name)) } else { waiting.push((place, name)) }
                    }
                }
                2 if !waiting.is_empty() => {
                    let (place, _) = waiting.remove(usize::from(device) % waiting.len());
                    turns = rig.guard.leave(&id("c"), place, rig.now);
                }
                _ if !under_way.is_empty() => {
                    let (_, name) = under_way.remove(usize::from(device) % under_way.len());
                    rig.learn();
                    turns.append(&mut rig.woken);
                    let held = rig.guard.held(&id("c"), &name, rig.now).is_some();
                    turns.extend(match what {
                        _ if held => rig.guard.unjudged(&id("c"), rig.now),
                        3 => rig.accept(),
                        4 => {
                            let again = |row: &&LockoutRow| row.device_key == name && row.until > rig.now;
                            prop_assert!(!rig.store.iter().any(|row| again(&row)), "sent twice");
                            rig.refuse(&name)
                        }
                        _ => rig.guard.unjudged(&id("c"), rig.now),
                    });
                }
                _ => {}
            }
            turns.splice(0..0, std::mem::take(&mut rig.woken));
            for turn in turns {
                let index = waiting.iter().position(|(place, _)| *place == turn).unwrap();
                prop_assert_eq!(index, 0, "out of turn");
                under_way.push(waiting.remove(index));
            }
            prop_assert_eq!(rig.guard.counts(), (under_way.len(), waiting.len()));
            let standing = rig.guard.standings.get(&id("c"));
            if let Some(standing) = standing.filter(|standing| !standing.waiting.is_empty()) {
                let room = standing.has_room(&GuardRules::default(), rig.now);
                // Time alone may make room; whoever asks next finds it.
                prop_assert!(!room || seconds > 0, "somebody waits for nothing");
            }
        }
    }
}
