//! Whatever bytes come: nothing panics, and what is said stays true.
//!
//! Each file here holds one assertion over bytes, which the fuzzer calls too (`fuzz/`). Here they
//! get bytes that look like the real thing, so that stable toolchains run them.

mod platform_file;
mod prompt_stream;
mod textfsm_template;
mod textfsm_text;

use std::path::Path;

use proptest::prelude::*;

/// The texts of the files of a directory of ours.
fn texts(directory: &str, extension: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let ours = paths.iter().filter(|path| path.extension().is_some_and(|e| e == extension));
    ours.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// A text with a few lines dropped, doubled, cut or changed.
fn spoiled(texts: Vec<String>) -> impl Strategy<Value = String> {
    let damage = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..5, "[ -~]");
    (prop::sample::select(texts), prop::collection::vec(damage, 0..4)).prop_map(
        |(text, damages)| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for (line, place, kind, character) in damages {
                if lines.is_empty() {
                    break;
                }
                let line = line.index(lines.len());
                let starts: Vec<usize> =
                    lines[line].char_indices().map(|(start, _)| start).collect();
                match kind {
                    0 => drop(lines.remove(line)),
                    1 => lines.insert(line, lines[line].clone()),
                    _ if starts.is_empty() => {}
                    2 => lines[line].truncate(starts[place.index(starts.len())]),
                    3 => drop(lines[line].remove(starts[place.index(starts.len())])),
                    _ => lines[line].insert_str(starts[place.index(starts.len())], &character),
                }
            }
            lines.join("\n")
        },
    )
}

/// Bytes as a device may send them. NUL, which stands between answers here, is among them.
fn device_bytes() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "r1# ",
        "r1#",
        "\r\nr1# ",
        "r2# ",
        "r1> ",
        "r1(config)# ",
        "\r\n",
        "\r\r\n",
        "\n",
        "\r",
        "\0",
        "show zebra\r\n",
        "show zebra",
        "--More--",
        "(END)",
        "\r\u{1b}[K",
        "\u{1b}[2K",
        "\u{1b}]0;",
        "\u{7}",
        "\u{8}\u{8}\u{8}",
        "\u{1b}[3D",
        "\u{1b}",
        "Password: ",
        "sure? [confirm]",
        "% Unknown command: x",
        "end\r\n",
        "\u{e9}",
    ]);
    let piece = prop_oneof![
        4 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => "[ -~]{1,12}".prop_map(String::into_bytes),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_platform_file_is_refused_or_good(text in spoiled(texts("platforms", "toml"))) {
        platform_file::check(text.as_bytes());
    }

    #[test]
    fn a_template_is_refused_or_runs(text in spoiled(texts("templates", "textfsm"))) {
        textfsm_template::check(text.as_bytes());
    }
}

/// Lines that hold the words templates look for, spoiled, with others behind them.
fn any_output() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::sample::select(vec![
        "\r", "\t", "\u{b}", "\u{85}", "\u{a0}", "\u{2028}", "\u{1c}", "\0", "ä", "\n", "  ",
        "--More--",
    ]);
    let piece = prop_oneof![
        3 => "[ -~]{0,30}\n",
        1 => special.prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let lines = spoiled(texts("templates", "textfsm"));
    (any::<[u8; 2]>(), lines, prop::collection::vec(piece, 0..8)).prop_map(
        |(choice, lines, pieces)| {
            [&choice[..], lines.as_bytes(), pieces.concat().as_bytes()].concat()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn our_templates_survive_any_output(data in any_output()) {
        textfsm_text::check(&data);
    }
}

proptest! {
    #[test]
    fn no_stream_passes_for_an_answer_that_has_no_prompt(
        choice: [u8; 2],
        bytes in device_bytes(),
    ) {
        prompt_stream::check(&[&choice[..], &bytes].concat());
    }
}
