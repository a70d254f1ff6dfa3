//! What is shown of what a device sends.

use proptest::prelude::*;

use super::*;

fn screen(bytes: &[u8]) -> (Vec<String>, String) {
    let mut terminal = Terminal::new(1 << 20);
    terminal.feed(bytes);
    let lines = (0..terminal.lines().count())
        .map(|index| terminal.lines().line(index).unwrap().to_owned())
        .collect();
    (lines, terminal.current())
}

fn check(bytes: &str, expected: &[&str]) {
    let (mut lines, current) = screen(bytes.as_bytes());
    lines.push(current);
    assert_eq!(lines, expected, "{bytes:?}");
}

#[test]
fn every_form_of_line_end_ends_one_line() {
    check("a\r\nb\r\r\nc\n\rd\r\r\n\re", &["a", "b", "c", "d", "e"]);
}

#[test]
fn a_lone_return_writes_over_the_line() {
    check("abcdef\rxy", &["xycdef"]);
}

#[test]
fn blanks_at_both_ends_and_tabs_stay() {
    check("  a \t b  \r\n", &["  a \t b  ", ""]);
}

#[test]
fn a_pager_that_erases_itself_leaves_nothing() {
    check(
        " --More-- \u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}          \u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}ab\r\n",
        &["ab", ""],
    );
    check("---(more 45%)---\r                    \rab\r\n", &["ab", ""]);
    check("---(more)---\r               \r\r\nab", &["", "ab"]);
    check("   \r\nab", &["   ", "ab"]);
    check("\u{1b}[7m--More--\r\u{1b}[K(END)\u{1b}[m\r\u{1b}[Kr1# ", &["r1# "]);
}

#[test]
fn a_repainted_word_reads_as_it_was_painted_last() {
    check("show cha\u{8}\u{8}\u{8}chassis", &["show chassis"]);
    check("abc\u{1b}[2Dx\u{1b}[1Cy\u{1b}[1Gz", &["zxcy"]);
    check("abcdef\u{1b}[3D\u{1b}[2P", &["abcf"]);
}

#[test]
fn titles_colours_and_bells_are_dropped() {
    check(
        "\u{1b}]0;evil\u{7}a\u{1b}[1;31mb\u{1b}[0m\u{7}c\u{1b}(B\u{1b}P1$r\u{1b}\\d\0",
        &["abcd"],
    );
}

#[test]
fn bytes_that_are_no_utf8_are_shown_as_such() {
    assert_eq!(screen(b"a\xffb\xc3\xa9c\xe2\x82d").1, "a\u{fffd}b\u{e9}c\u{fffd}d");
}

#[test]
fn the_head_and_the_last_lines_stay_when_the_limit_is_reached() {
    let mut terminal = Terminal::new(20);
    for number in 0..100 {
        terminal.feed(format!("line {number}\r\n").as_bytes());
    }
    assert_eq!(terminal.lines().line(0), Some("line 0"));
    assert_eq!(terminal.lines().line(50), None);
    assert_eq!(terminal.lines().line(99), Some("line 99"));
    assert!(!terminal.lines().is_whole());
    assert_eq!(terminal.lines().count(), 100);
    assert_eq!(terminal.lines().bytes(), 790);
}

#[test]
fn a_long_line_keeps_its_beginning_and_its_end() {
    let mut terminal = Terminal::new(100_000);
    terminal.feed(b"show json\r\n{");
    terminal.feed("x".repeat(300_000).as_bytes());
    terminal.feed(b"}sw1# ");
    assert_eq!(terminal.current_len(), 300_007);
    assert_eq!(terminal.current_tail(6), "}sw1# ");
    assert!(terminal.current().len() < 110_000);
    terminal.feed(b"\r\nsw1# ");
    let lines = terminal.lines();
    assert!(!lines.is_whole());
    assert_eq!((lines.count(), lines.bytes()), (2, 10 + 300_008));
    assert_eq!(lines.line(1).unwrap().len(), 100_000 - 10 - 1);
    assert_eq!(terminal.current(), "sw1# ");
}

#[test]
fn a_line_as_long_as_the_limit_allows_is_kept_whole() {
    let mut terminal = Terminal::new(4 << 20);
    let line = "x".repeat(4_000_000);
    terminal.feed(b"show json\r\n");
    for piece in line.as_bytes().chunks(1000) {
        terminal.feed(piece);
    }
    terminal.feed(b"\r\r\nsw1# ");
    assert_eq!(terminal.lines().line(1), Some(line.as_str()));
    assert!(terminal.lines().is_whole());
}

#[test]
fn a_long_line_can_be_erased_and_is_written_over_in_its_last_part() {
    for length in [70_000, 300_000, 9_000_000] {
        let long = "x".repeat(length);
        let current = |end: &str| {
            let mut terminal = Terminal::new(4 << 20);
            terminal.feed(format!("{long}{end}").as_bytes());
            (terminal.current(), terminal.current_len())
        };
        assert_eq!(current("\r\u{1b}[Ksw1# ").0, "sw1# ");
        assert_eq!(current("\r\u{1b}[2Ksw1# ").0, "sw1# ");
        let (text, count) = current(" --More-- \u{8}\u{8}\u{8}\u{8}\u{8}sw1# ");
        assert!(text.ends_with("x --Mosw1# "), "{length}");
        assert_eq!(count, length + 10);
    }
}

#[test]
fn hostile_movements_cost_no_more_than_their_bytes() {
    // Each of these took minutes or gigabytes when a line had no bounds.
    let long = "x".repeat(4_000_000);
    for part in ["\u{1b}[1K", "\u{1b}[P", "\r\u{1b}[C", "\u{8}y", "\u{1b}[9999D", "\u{1b}[65536Gx"]
    {
        let mut terminal = Terminal::new(4 << 20);
        terminal.feed(long.as_bytes());
        terminal.feed(part.repeat(300).as_bytes());
        assert!(terminal.current_len() <= 4_200_000, "{part:?}");
    }
    let mut terminal = Terminal::new(1 << 20);
    terminal.feed("\n".repeat(3 << 20).as_bytes());
    assert_eq!(terminal.lines().count(), 3 << 20);
    assert_eq!(terminal.lines().line((1 << 20) - 2), Some(""));
}

/// Bytes that a terminal treats in a special way, among text.
fn device_bytes() -> impl Strategy<Value = Vec<u8>> {
    let control = prop::sample::select(vec![
        "\r\n",
        "\r\r\n",
        "\n",
        "\r",
        "\u{8}",
        "\t",
        " ",
        "\0",
        "\u{7f}",
        "\u{1b}",
        "\u{1b}[",
        "\u{1b}[K",
        "\u{1b}[1K",
        "\u{1b}[2K",
        "\u{1b}[J",
        "\u{1b}[D",
        "\u{1b}[3D",
        "\u{1b}[2C",
        "\u{1b}[G",
        "\u{1b}[5G",
        "\u{1b}[2P",
        "\u{1b}[1;31m",
        "\u{1b}E",
        "\u{1b}(B",
        "\u{1b}]0;t\u{7}",
        "\u{1b}P\u{1b}\\",
        "\u{9b}K",
        "\u{85}",
        "\u{9c}",
        "\u{e9}",
        "\u{a7}",
        "\u{20ac}",
        "\u{1f600}",
        "        ",
        " --More-- ",
        "\u{8}\u{8}\u{8}\u{8}",
        "    \u{8}\u{8}\u{8}\u{8}",
    ]);
    let piece = prop_oneof![
        4 => control.prop_map(|text| text.as_bytes().to_vec()),
        2 => "[ -~]{1,12}".prop_map(String::into_bytes),
        1 => "[a-z\u{e9}\u{20ac}]{20,90}".prop_map(String::into_bytes),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// What may be seen of a terminal, whichever of the two it is.
macro_rules! seen {
    ($terminal:expr) => {{
        let lines = $terminal.lines();
        let all: Vec<_> =
            (0..lines.count() + 1).map(|at| lines.line(at).map(str::to_owned)).collect();
        (all, lines.count(), lines.bytes(), lines.is_whole(), $terminal.current())
    }};
}

proptest! {
    #[test]
    fn it_shows_what_the_simplest_form_shows(
        parts in prop::collection::vec((device_bytes(), 0_u8..5), 1..4),
        limit in prop_oneof![Just(1 << 20), 0_usize..400],
        cut in 1_usize..40,
    ) {
        let mut terminal = Terminal::new(limit);
        let mut simple = reference::Terminal::new(limit);
        for (bytes, then) in &parts {
            bytes.chunks(cut).for_each(|piece| terminal.feed(piece));
            simple.feed(bytes);
            match then {
                0 => {
                    terminal.blank_current();
                    simple.blank_current();
                }
                // The simplest form numbers lines wrongly when it drops some and has lost others.
                1 if limit == 1 << 20 => {
                    terminal.drop_blank_lines();
                    simple.drop_blank_lines();
                }
                2 => {
                    terminal.forget();
                    simple.forget();
                }
                _ => {}
            }
            prop_assert_eq!(seen!(terminal), seen!(simple));
            let current = terminal.current();
            prop_assert_eq!(terminal.current_len(), current.len());
            for most in [0, 1, 7, 5000] {
                let tail = terminal.current_tail(most);
                prop_assert!(current.ends_with(tail.as_ref()));
                prop_assert!(tail.len() <= most && tail.len() + 3 >= most.min(current.len()));
            }
        }
    }

    #[test]
    fn what_the_fuzzer_asserts_holds(choice: u8, bytes in device_bytes()) {
        check::check(&[&[choice][..], &bytes].concat());
    }

    #[test]
    fn clean_text_is_left_as_it_is(text in "[ -~\n\t\u{e4}\u{20ac}]{0,100}") {
        let (mut lines, current) = screen(text.as_bytes());
        lines.push(current);
        prop_assert_eq!(lines.join("\n"), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn cuts_of_a_very_long_line_do_not_matter(
        before in 65_400_usize..66_000,
        bytes in device_bytes(),
        between in 0_usize..40_000,
        after in device_bytes(),
        cut in 1_usize..20_000,
    ) {
        let (before, between) = ("x".repeat(before), "\u{e9}".repeat(between));
        let bytes = [before.as_bytes(), &bytes, between.as_bytes(), &after].concat();
        let mut whole = Terminal::new(1000);
        whole.feed(&bytes);
        let mut pieces = Terminal::new(1000);
        bytes.chunks(cut).for_each(|piece| pieces.feed(piece));
        prop_assert_eq!(seen!(whole), seen!(pieces));
        prop_assert_eq!(whole.current_len(), pieces.current_len());
        let current = whole.current();
        prop_assert!(current.len() <= whole.current_len());
        prop_assert!(current.ends_with(whole.current_tail(300).as_ref()));
    }
}
