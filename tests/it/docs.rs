//! The documentation tells what the code does.

use std::path::Path;

use vty_mcp::error::ErrorCode;

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
    let platforms = vty_mcp::platform::Platforms::embedded();
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
