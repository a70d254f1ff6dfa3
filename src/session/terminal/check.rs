//! What holds for whatever a device sends. The property tests and the fuzzer both call this.

use super::{Terminal, reference};

/// Shows bytes, whole and cut, of which the first chooses the limit and the cuts.
pub(crate) fn check(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let limit = [0, 100, 5000, 1 << 20][usize::from(choice % 4)];
    let cut = 1 + usize::from(choice / 4);
    let mut whole = Terminal::new(limit);
    whole.feed(bytes);
    let mut pieces = Terminal::new(limit);
    bytes.chunks(cut).for_each(|piece| pieces.feed(piece));
    assert_eq!(seen(&whole), seen(&pieces), "cuts matter");

    let (lines, current) = seen(&whole);
    let there: usize = lines.iter().flatten().map(|line| line.len() + 1).sum();
    assert!(there <= limit + 16 * (64 * 1024 + 1), "more is kept than may be");
    assert!(current.len() <= limit.max(64 * 1024) + 600 * 1024, "the last line is too long");
    assert!(current.ends_with(whole.current_tail(100).as_ref()));
    assert!(current.len() <= whole.current_len());

    for first in [0, 1, 17, lines.len() / 2, lines.len(), lines.len() + 1] {
        for end in [first, lines.len()] {
            let one_by_one = (first..end).map_while(|at| whole.lines().line(at));
            assert!(whole.lines().run(first, end).eq(one_by_one), "a run differs from its lines");
        }
    }

    // Beyond these the simplest form differs on purpose: it keeps lines without end whole.
    if bytes.len() < 60_000 && !whole_is_long(&whole) {
        let mut simple = reference::Terminal::new(limit);
        simple.feed(bytes);
        let count = simple.lines().count();
        let all = (0..count).map(|at| simple.lines().line(at).map(str::to_owned)).collect();
        assert_eq!((&lines, &current), (&all, &simple.current()), "the simplest form differs");
        assert_eq!(whole.lines().bytes(), simple.lines().bytes());
        assert_eq!(whole.lines().is_whole(), simple.lines().is_whole());
    }

    if whole.lines().is_whole() {
        let mut text: String =
            lines.iter().flatten().flat_map(|line| [line.as_str(), "\n"]).collect();
        text.push_str(&current);
        let mut again = Terminal::new(limit);
        again.feed(text.as_bytes());
        if again.lines().is_whole() {
            assert_eq!(seen(&again), (lines, current), "clean text was changed");
        }
    }
}

type Seen = (Vec<Option<String>>, String);

fn seen(terminal: &Terminal) -> Seen {
    let lines = terminal.lines();
    (
        (0..lines.count()).map(|at| lines.line(at).map(str::to_owned)).collect(),
        terminal.current_tail(usize::MAX).into_owned(),
    )
}

/// Whether a few bytes made a long line, as a movement to the far right does.
fn whole_is_long(terminal: &Terminal) -> bool {
    terminal.current_len() > 60_000 || terminal.lines().bytes() > 60_000
}
