//! The documentation tells what the code does.

use std::path::Path;

use vty_mcp::error::ErrorCode;
use vty_mcp::platform::Platforms;
use vty_mcp::policy::permit_read;
use vty_mcp::session::{Cuts, replay};

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn every_error_code_is_documented_with_its_meaning() {
    let text = read("docs/errors.md");
    for code in ErrorCode::ALL {
        let row = format!("| `{code}` | {} | {} |", code.retry().as_str(), code.meaning().trim());
        assert!(text.contains(&row), "docs/errors.md lacks the row\n{row}");
    }
    let rows = text.lines().filter(|line| line.starts_with("| `")).count();
    assert!(rows >= ErrorCode::ALL.len());
}

#[test]
fn the_codes_are_spelled_as_ever() {
    let words: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    insta::assert_snapshot!("error_codes", words.join("\n"));
}

#[test]
fn the_readme_names_every_tool_platform_and_subcommand() {
    let text = read("README.md");
    for tool in vty_mcp::mcp::tool_list() {
        let name = tool["name"].as_str().unwrap();
        assert!(text.contains(&format!("| `{name}`")), "README.md lacks a row for {name}");
    }
    let platforms = Platforms::embedded();
    for name in platforms.names() {
        assert!(text.contains(&format!("`{name}`")), "README.md lacks {name}");
    }
    for word in
        ["cargo run --release -- demo", "cargo test", "serve", "check", "lab", "completions"]
    {
        assert!(text.contains(word), "README.md lacks {word}");
    }
}

#[test]
fn every_link_inside_the_documentation_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files =
        vec!["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "templates/README.md"]
            .into_iter()
            .map(|name| root.join(name))
            .collect::<Vec<_>>();
    files.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let path = file.parent().unwrap().join(target);
            assert!(path.exists(), "{} links to {target}", file.display());
        }
    }
}

/// The TOML blocks of a page, in their order.
fn toml_blocks(page: &str) -> Vec<&str> {
    page.split("\n```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[tokio::test]
async fn the_platform_files_of_the_documentation_are_valid_and_proven() {
    let page = read("docs/platforms.md");
    let names = ["northlake_ls", "branch_ios"];
    let blocks = toml_blocks(&page);
    assert_eq!(blocks.len(), names.len(), "docs/platforms.md has other files than {names:?}");
    let directory = tempfile::tempdir().unwrap();
    for (name, block) in names.iter().zip(blocks) {
        assert!(page.contains(&format!("`{name}.toml`")), "docs/platforms.md does not name {name}");
        std::fs::write(directory.path().join(format!("{name}.toml")), block).unwrap();
    }
    let platforms = Platforms::with_directory(directory.path()).unwrap();
    for name in names {
        let platform = platforms.get(&platforms.resolve(name).unwrap()).unwrap();
        for command in &platform.read.allowed {
            assert!(permit_read(&platform, command).is_ok(), "{name} refuses `{command}`");
        }
        for command in &platform.read.refused {
            assert!(permit_read(&platform, command).is_err(), "{name} allows `{command}`");
        }
        assert!(!platform.transcripts.is_empty(), "nothing proves {name}");
        for transcript in &platform.transcripts {
            let permitted = permit_read(&platform, &transcript.command).unwrap();
            for cuts in [Cuts::Whole, Cuts::Bytes, Cuts::Sizes(vec![3, 1, 7])] {
                let played = replay(&platform, transcript, &permitted, cuts).await;
                played.unwrap_or_else(|problem| panic!("{name}: {problem}"));
            }
        }
    }
}

#[test]
fn the_tables_of_platforms_tell_what_the_files_say() {
    let page = read("docs/platforms.md");
    let platforms = Platforms::embedded();
    for name in platforms.names() {
        let platform = platforms.get(name).unwrap();
        let aliases: Vec<_> = platform.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        let row = format!("\n| `{name}` | {} | ", aliases.join(", "));
        let rest = page.split(&row).nth(1);
        let rest = rest.unwrap_or_else(|| panic!("docs/platforms.md lacks the row{row}"));
        assert_eq!(rest.starts_with("read only |"), platform.change.is_none(), "{name}");
        let verified = format!("\n| `{name}` | – |\n");
        let doubts = platforms.source(name).unwrap().contains("[unverified]");
        assert_eq!(page.contains(&verified), !doubts, "{name}: the table of [unverified] facts");
    }
}
