use proptest::prelude::*;

use super::*;
use crate::platform::SafetyClass;

/// What the world does to a change.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Good,
    Refused,
    Lost,
}

#[expect(clippy::struct_excessive_bools, reason = "a model of a device has that many switches")]
/// A device as far as a change sees it: what is in force, and whether a timer will take it back.
struct Device {
    class: SafetyClass,
    changed: bool,
    confirmed: bool,
    timer: bool,
    /// Whether the lost script had taken effect.
    effect_of_lost: bool,
}

impl Device {
    fn run(&mut self, run: Run, luck: Luck) -> Event {
        let takes_effect = match luck {
            Luck::Good => true,
            Luck::Refused => false,
            Luck::Lost => self.effect_of_lost,
        };
        // Where there is no candidate, a refused trial leaves its first lines in force.
        let half = run == Run::Trial && self.class != SafetyClass::Transactional;
        match run {
            Run::Trial if takes_effect || half => {
                self.changed = true;
                self.timer = self.class != SafetyClass::Unprotected;
            }
            Run::Confirm if takes_effect && self.changed => {
                self.confirmed = true;
                self.timer = false;
            }
            Run::Undo if takes_effect => {
                self.changed = false;
                self.timer = false;
            }
            _ => {}
        }
        match luck {
            Luck::Good => Event::Ran,
            Luck::Refused => Event::Refused("refused".to_owned()),
            Luck::Lost => Event::Lost("lost".to_owned()),
        }
    }

    fn look(&self, reachable: bool) -> Event {
        Event::Seen(match (reachable, self.changed) {
            (false, _) => Seen::Unreachable("unreachable".to_owned()),
            (true, false) => Seen::Before,
            (true, true) => Seen::AsPlanned,
        })
    }
}

/// Plays a change to its end and returns what it said, with what it did.
fn play(
    class: SafetyClass,
    after: After,
    scripts: &[(Luck, bool)],
    looks: &[bool],
    decision: bool,
) -> (Outcome, Device, Vec<Action>) {
    let mut device =
        Device { class, changed: false, confirmed: false, timer: false, effect_of_lost: false };
    let mut machine = Machine::new(class, after);
    let (mut scripts, mut looks) = (scripts.iter().cycle(), looks.iter().cycle());
    let mut event = Event::Start;
    let mut done = Vec::new();
    for _ in 0..100 {
        let action = machine.next(event);
        done.push(action.clone());
        event = match action {
            Action::End(outcome) => return (outcome, device, done),
            Action::Enter(_) => Event::Entered,
            Action::LookBefore => Event::Seen(Seen::Before),
            Action::Look => device.look(*looks.next().unwrap()),
            Action::Hold if decision => Event::Confirm,
            Action::Hold => Event::Revert("reverted".to_owned()),
            Action::AwaitTimer => {
                if std::mem::take(&mut device.timer) {
                    device.changed = false;
                }
                Event::TimerOver
            }
            Action::Run(run) => {
                let (luck, effect) = *scripts.next().unwrap();
                device.effect_of_lost = effect;
                device.run(run, luck)
            }
        };
    }
    panic!("the change never ends: {done:?}");
}

fn check(class: SafetyClass, after: After, lucks: &[Luck], expected: &str) -> Vec<Action> {
    let scripts: Vec<(Luck, bool)> = lucks.iter().map(|luck| (*luck, true)).collect();
    let (outcome, _, done) = play(class, after, &scripts, &[true], true);
    assert_eq!(outcome.as_str(), expected, "{class:?} {lucks:?}: {outcome:?}");
    done
}

#[test]
fn a_change_that_works_is_tried_checked_confirmed_and_saved() {
    let done = check(SafetyClass::Transactional, After::Hold, &[Luck::Good], "saved");
    let expected = [
        Action::LookBefore,
        Action::Enter(Phase::Trial),
        Action::Run(Run::Trial),
        Action::Enter(Phase::Verify),
        Action::Look,
        Action::Enter(Phase::Held),
        Action::Hold,
        Action::Look,
        Action::Enter(Phase::Confirm),
        Action::Run(Run::Confirm),
        Action::Enter(Phase::Save),
        Action::Run(Run::Save),
        Action::End(Outcome::Saved),
    ];
    assert_eq!(done, expected);
}

#[test]
fn a_refused_line_is_abandoned_or_undone() {
    use Luck::{Good, Refused};
    check(SafetyClass::Transactional, After::Confirm, &[Refused, Good], "unchanged");
    check(SafetyClass::Timed, After::Confirm, &[Refused, Good], "undone");
    check(SafetyClass::Unprotected, After::Confirm, &[Refused, Good], "undone");
}

#[test]
fn a_lost_confirmation_is_asked_for_and_never_guessed() {
    use Luck::{Good, Lost};
    check(SafetyClass::Transactional, After::Confirm, &[Good, Lost, Good, Good], "saved");
    check(SafetyClass::Transactional, After::Confirm, &[Good, Lost, Lost, Lost, Good], "saved");
}

#[test]
fn a_conflict_changes_nothing() {
    let mut machine = Machine::new(SafetyClass::Timed, After::Confirm);
    assert_eq!(machine.next(Event::Start), Action::LookBefore);
    let end = machine.next(Event::Seen(Seen::Otherwise("changed since".to_owned())));
    assert_eq!(end, Action::End(Outcome::Unchanged { reason: "changed since".to_owned() }));
}

#[test]
fn a_change_that_was_taken_over_is_looked_at_before_anything_is_sent() {
    use SafetyClass::Transactional;
    let unchanged = Machine::resumed(Transactional, Phase::Planned, false).next(Event::Start);
    assert!(matches!(unchanged, Action::End(Outcome::Unchanged { .. })));
    for (phase, over) in [(Phase::Confirm, false), (Phase::Confirm, true), (Phase::Save, true)] {
        let mut machine = Machine::resumed(Transactional, phase, over);
        assert_eq!(machine.next(Event::Start), Action::Look, "{phase:?}");
        let gone = machine.next(Event::Seen(Seen::Before));
        assert!(!matches!(gone, Action::End(Outcome::Saved)), "{phase:?}: {gone:?}");
        assert!(matches!(gone, Action::End(_)), "{phase:?}: {gone:?}");
    }
    let mut machine = Machine::resumed(Transactional, Phase::Confirm, false);
    machine.next(Event::Start);
    assert_eq!(machine.next(Event::Seen(Seen::AsPlanned)), Action::Run(Run::Confirm));
    let mut machine = Machine::resumed(Transactional, Phase::Trial, false);
    assert_eq!(machine.next(Event::Start), Action::Enter(Phase::Undo));
}

fn luck() -> impl Strategy<Value = (Luck, bool)> {
    (
        prop_oneof![3 => Just(Luck::Good), 1 => Just(Luck::Refused), 1 => Just(Luck::Lost)],
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn whatever_happens_the_answer_is_true(
        class in prop_oneof![
            Just(SafetyClass::Transactional), Just(SafetyClass::Timed), Just(SafetyClass::Unprotected)
        ],
        after in prop_oneof![Just(After::Confirm), Just(After::Hold)],
        scripts in prop::collection::vec(luck(), 1..12),
        looks in prop::collection::vec(prop::bool::weighted(0.8), 1..12),
        decision in any::<bool>(),
    ) {
        let (outcome, device, done) = play(class, after, &scripts, &looks, decision);
        match &outcome {
            Outcome::Saved | Outcome::NotSaved { .. } => {
                prop_assert!(device.changed, "{done:?}");
                prop_assert!(!device.timer, "the device would take it back: {done:?}");
            }
            Outcome::Unchanged { .. } | Outcome::Undone { .. } => {
                prop_assert!(!device.changed, "{done:?}");
            }
            Outcome::Unknown { .. } => {}
        }
        // Nothing is confirmed without a look before it.
        let at = |wanted: &Action| done.iter().position(|action| action == wanted);
        if let Some(confirm) = at(&Action::Run(Run::Confirm)) {
            prop_assert!(at(&Action::Look).is_some_and(|look| look < confirm));
        }
        // Every phase is journaled before its script.
        for (phase, run) in [(Phase::Trial, Run::Trial), (Phase::Confirm, Run::Confirm), (Phase::Undo, Run::Undo), (Phase::Save, Run::Save)] {
            if let Some(ran) = at(&Action::Run(run)) {
                prop_assert!(at(&Action::Enter(phase)).is_some_and(|entered| entered < ran));
            }
        }
    }
}
