//! Lines before what is scarce: a device's sessions, all sessions, connections being set up.
//!
//! **Invariants:** whoever asked first is served first, and a [`Permit`] is free again when it is
//! dropped, wherever its owner was dropped: in the line, at its head, or with the permit in hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The pure part of a line: who has something, who waits.
#[derive(Debug, Default)]
struct Line {
    used: usize,
    next: u64,
    /// Each with the most that it accepts to be in use together with it.
    waiting: VecDeque<(u64, usize, oneshot::Sender<()>)>,
}

impl Line {
    /// Serves those at the head of the line as long as there is room. A receiver that is gone was
    /// served all the same; its place gives back what it got.
    fn serve(&mut self) {
        while self.waiting.front().is_some_and(|(_, most, _)| self.used < *most) {
            let Some((_, _, wake)) = self.waiting.pop_front() else { return };
            self.used = self.used.saturating_add(1);
            let _gone = wake.send(());
        }
    }
}

/// A line before one scarce thing.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots(Arc<Mutex<Line>>);

/// One of what is scarce.
#[derive(Debug)]
pub(super) struct Permit(Slots);

impl Drop for Permit {
    fn drop(&mut self) {
        let mut line = self.0.line();
        line.used = line.used.saturating_sub(1);
        line.serve();
    }
}

/// A place in a line.
struct Place<'a> {
    slots: &'a Slots,
    number: u64,
    wake: oneshot::Receiver<()>,
    taken: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut line = self.slots.line();
        let before = line.waiting.len();
        line.waiting.retain(|(number, ..)| *number != self.number);
        if line.waiting.len() == before {
            // It was served, and nobody took it.
            line.used = line.used.saturating_sub(1);
        }
        line.serve();
    }
}

impl Slots {
    /// Waits until fewer than `most` are in use and everybody who asked before was served.
    pub(super) async fn acquire(&self, most: usize) -> Permit {
        let mut place = match self.enter(most) {
            Ok(permit) => return permit,
            Err(place) => place,
        };
        // The sender is dropped only with the line, which `self` keeps.
        drop((&mut place.wake).await);
        place.taken = true;
        Permit(self.clone())
    }

    fn enter(&self, most: usize) -> Result<Permit, Place<'_>> {
        let most = most.max(1);
        let mut line = self.line();
        if line.waiting.is_empty() && line.used < most {
            line.used = line.used.saturating_add(1);
            return Ok(Permit(self.clone()));
        }
        let (sender, wake) = oneshot::channel();
        let number = line.next;
        line.next = line.next.wrapping_add(1);
        line.waiting.push_back((number, most, sender));
        Err(Place { slots: self, number, wake, taken: false })
    }

    /// How many are in use.
    pub(super) fn used(&self) -> usize {
        self.line().used
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.line().waiting.len()
    }

    /// Whether anybody else holds this line: to wait in it, or with something from it.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Nothing panics while it is held, and the line is whole between any two statements.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use proptest::prelude::*;

    use super::*;

    type Asking<'a> = Pin<Box<dyn Future<Output = Permit> + 'a>>;

    fn poll(asking: &mut Asking<'_>) -> Option<Permit> {
        match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(permit) => Some(permit),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn those_who_wait_are_served_in_the_order_of_asking() {
        let slots = Slots::default();
        let held = poll(&mut (Box::pin(slots.acquire(1)) as Asking<'_>)).unwrap();
        let mut waiting: Vec<Asking<'_>> =
            (0..3).map(|_| Box::pin(slots.acquire(1)) as Asking<'_>).collect();
        for asking in &mut waiting {
            assert!(poll(asking).is_none());
        }
        drop(held);
        for asking in waiting.iter_mut().skip(1) {
            assert!(poll(asking).is_none(), "nobody jumps the line");
        }
        let first = poll(&mut waiting[0]).unwrap();
        assert!(poll(&mut (Box::pin(slots.acquire(1)) as Asking<'_>)).is_none());
        drop(first);
        assert!(poll(&mut waiting[2]).is_none());
        assert!(poll(&mut waiting[1]).is_some());
    }

    #[test]
    fn one_who_accepts_less_company_waits_for_it_and_so_does_who_comes_later() {
        let slots = Slots::default();
        let first = poll(&mut (Box::pin(slots.acquire(2)) as Asking<'_>)).unwrap();
        let mut alone = Box::pin(slots.acquire(1)) as Asking<'_>;
        assert!(poll(&mut alone).is_none());
        let mut later = Box::pin(slots.acquire(2)) as Asking<'_>;
        assert!(poll(&mut later).is_none());
        drop(first);
        let alone = poll(&mut alone).unwrap();
        let later = poll(&mut later).unwrap();
        assert_eq!(slots.used(), 2);
        drop((alone, later));
        assert_eq!((slots.used(), slots.waiting()), (0, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// However futures and permits are dropped: never too many, never one that is lost, and in
        /// the order of asking.
        #[test]
        fn nothing_is_lost_or_given_twice(
            most in 1..4usize,
            steps in prop::collection::vec((0..4u8, any::<prop::sample::Index>()), 1..200),
        ) {
            let slots = Slots::default();
            let mut asking: Vec<(usize, Asking<'_>)> = Vec::new();
            let mut held: Vec<Permit> = Vec::new();
            let mut asked = 0;
            for (what, which) in steps {
                match what {
                    0 => {
                        let mut future = Box::pin(slots.acquire(most)) as Asking<'_>;
                        match poll(&mut future) {
                            Some(permit) => held.push(permit),
                            None => asking.push((asked, future)),
                        }
                        asked += 1;
                    }
                    1 if !asking.is_empty() => drop(asking.remove(which.index(asking.len()))),
                    2 if !asking.is_empty() => {
                        let index = which.index(asking.len());
                        if let Some(permit) = poll(&mut asking[index].1) {
                            held.push(permit);
                            let _ = asking.remove(index);
                        }
                    }
                    3 if !held.is_empty() => drop(held.remove(which.index(held.len()))),
                    _ => {}
                }
                prop_assert!(slots.used() <= most);
                prop_assert!(held.len() <= slots.used());
                prop_assert!(slots.waiting() == 0 || slots.used() == most);
            }
            drop(asking);
            drop(held);
            prop_assert_eq!((slots.used(), slots.waiting()), (0, 0));
        }
    }
}
