//! `vty-mcp platform`: for people who write platform files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::args::{Global, PlatformCommand};
use super::{CliError, Exit, output, settings};
use crate::error::chain;
use crate::platform::{Origin, Platform, PlatformError, Platforms};
use crate::policy::{case_problems, permit_read};
use crate::server;
use crate::session::{Cuts, replay};

/// Sizes of the pieces of a cut transcript: some that split escapes, and some that join lines.
const PIECES: &[&[usize]] = &[&[2], &[3, 1, 7], &[5, 2, 1, 11], &[13, 1], &[31, 4, 1], &[64, 3]];

/// Runs a subcommand of `platform`.
pub(super) async fn platform(global: Global, command: PlatformCommand) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let platforms = server::load_platforms(&settings).map_err(CliError::Platforms)?;
    match command {
        PlatformCommand::List { json } => list(&platforms, json),
        PlatformCommand::Show { name } => show(&platforms, &name),
        PlatformCommand::Check { files } => check(&platforms, &files),
        PlatformCommand::Test { files } => test(&platforms, &files).await,
    }
}

fn list(platforms: &Platforms, json: bool) -> Result<Exit, CliError> {
    let mut entries = Vec::new();
    for name in platforms.names() {
        let platform = platforms.get(name).map_err(|error| CliError::Platforms(vec![error]))?;
        let origin = match platforms.origin(name) {
            Some(Origin::File(path)) => path.display().to_string(),
            _ => "built in".to_owned(),
        };
        entries.push((platform, origin));
    }
    if json {
        let entries: Vec<_> = entries
            .iter()
            .map(|(platform, origin)| {
                json!({
                    "name": platform.name, "title": platform.title,
                    "aliases": platform.aliases, "origin": origin,
                    "changes": platform.change.is_some(),
                })
            })
            .collect();
        output::answer(&format!("{:#}\n", json!(entries)))?;
    } else {
        let (mut names, mut titles, mut origins) = (0, 0, 0);
        for (platform, origin) in &entries {
            names = names.max(platform.name.as_str().len());
            titles = titles.max(platform.title.len());
            origins = origins.max(origin.len());
        }
        for (platform, origin) in &entries {
            let aliases = platform.aliases.join(", ");
            let (name, title) = (platform.name.as_str(), &platform.title);
            let line = format!("{name:<names$}  {title:<titles$}  {origin:<origins$}  {aliases}");
            output::answer(&format!("{}\n", line.trim_end()))?;
        }
    }
    Ok(Exit::Ok)
}

fn show(platforms: &Platforms, name: &str) -> Result<Exit, CliError> {
    let unknown = || PlatformError::Unknown { name: name.to_owned() };
    let found = platforms.resolve(name).and_then(|name| platforms.source(&name));
    let source = found.ok_or_else(|| CliError::Platforms(vec![unknown()]))?;
    output::answer(source)?;
    Ok(Exit::Ok)
}

fn check(platforms: &Platforms, files: &[PathBuf]) -> Result<Exit, CliError> {
    let mut errors = Vec::new();
    for path in files {
        match platforms.read_file(path) {
            Ok(platform) if !case_problems(&platform).is_empty() => {
                errors.push(PlatformError::Invalid {
                    file: path.display().to_string(),
                    problems: case_problems(&platform),
                });
            }
            Ok(platform) => output::answer(&format!(
                "{}: in order; {} modes, {} transcripts\n",
                path.display(),
                platform.modes.len(),
                platform.transcripts.len(),
            ))?,
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(Exit::Ok) } else { Err(CliError::Platforms(errors)) }
}

async fn test(platforms: &Platforms, files: &[PathBuf]) -> Result<Exit, CliError> {
    let mut failed = false;
    for path in files {
        let platform = find(platforms, path).map_err(|error| CliError::Platforms(vec![error]))?;
        let mut problems = case_problems(&platform);
        if platform.transcripts.is_empty() {
            problems.push("it has no transcript, so nothing proves it".to_owned());
        }
        for transcript in &platform.transcripts {
            match permit_read(&platform, &transcript.command) {
                Err(refusal) => problems.push(format!(
                    "`{}`: the gate refuses its command: {}",
                    transcript.name,
                    chain(&refusal)
                )),
                Ok(permitted) => {
                    let sizes = PIECES.iter().map(|sizes| Cuts::Sizes(sizes.to_vec()));
                    for cuts in [Cuts::Whole, Cuts::Bytes].into_iter().chain(sizes) {
                        let how = format!("{cuts:?}");
                        if let Err(problem) = replay(&platform, transcript, &permitted, cuts).await
                        {
                            problems.push(format!("`{}`, {how}: {problem}", transcript.name));
                            break;
                        }
                    }
                }
            }
        }
        failed = failed || !problems.is_empty();
        let (name, count) = (&platform.name, platform.transcripts.len());
        let verdict = if problems.is_empty() { "passed" } else { "FAILED" };
        output::answer(&format!("{name}: {count} transcripts, {verdict}\n"))?;
        for problem in &problems {
            output::complain(&format!("{name}: {problem}"));
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

/// A platform by its name, or by the path of its file.
fn find(platforms: &Platforms, path: &Path) -> Result<Arc<Platform>, PlatformError> {
    let named = path.to_str().filter(|_| !path.exists()).and_then(|name| platforms.resolve(name));
    match named {
        Some(name) => platforms.get(&name),
        None => platforms.read_file(path).map(Arc::new),
    }
}
