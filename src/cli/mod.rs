//! The command line: what people type, and nothing that a tool would need too.
//!
//! **Invariant:** answers go to standard output, everything else to standard error.

mod args;
mod change;
mod check;
mod demo;
mod doctor;
mod host_key;
mod lab;
mod lockout;
mod logging;
mod output;
mod parse;
mod platform;
mod record;
mod rows;
mod run;
mod select;
mod serve;
mod templates;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use self::args::Args;
use self::args::Command;
use crate::server::{ServeError, StartError};
use crate::settings::{Settings, SettingsError};

/// How the program ends. The numbers are documented in the help and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// Everything worked.
    Ok = 0,
    /// A defect of this program.
    Bug = 1,
    /// Wrong usage, inventory or settings.
    Usage = 2,
    /// A device or a command failed.
    Failed = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a subcommand ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The settings cannot be used.
    #[error("the settings cannot be used")]
    Settings(#[source] SettingsError),
    /// Several things keep the program from starting.
    #[error("the program cannot start")]
    Start(#[source] StartError),
    /// The state directory cannot be used.
    #[error("the state cannot be used")]
    State(#[source] crate::store::StoreError),
    /// A token cannot be made or found.
    #[error("the token command failed")]
    Token(#[source] crate::token::TokenError),
    /// Platform files cannot be used.
    #[error("{}", .0.iter().map(|error| crate::error::chain(error)).collect::<Vec<_>>().join("\n"))]
    Platforms(Vec<crate::platform::PlatformError>),
    /// Directories and wheels with templates cannot be used.
    #[error("{}", .0.iter().map(|error| crate::error::chain(error)).collect::<Vec<_>>().join("\n"))]
    Templates(Vec<crate::parse::ParseError>),
    /// What was typed, or a file that was named, cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The lab cannot run.
    #[error("the lab failed")]
    Lab(#[source] crate::lab::LabError),
    /// A client session failed.
    #[error("the MCP session failed")]
    Serve(#[source] ServeError),
    /// Something was not as it must be.
    #[error("{0}")]
    Failed(String),
    /// Standard output or a temporary file cannot be written.
    #[error("cannot write")]
    Io(#[source] std::io::Error),
}

impl CliError {
    /// How the program ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Settings(_)
            | Self::Start(_)
            | Self::State(_)
            | Self::Token(_)
            | Self::Platforms(_)
            | Self::Templates(_)
            | Self::Usage(_) => Exit::Usage,
            Self::Serve(ServeError::OpenToOthers { .. } | ServeError::AllowList { .. }) => {
                Exit::Usage
            }
            Self::Lab(_) | Self::Serve(_) | Self::Failed(_) => Exit::Failed,
            Self::Io(_) => Exit::Bug,
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let args = Args::parse();
    // It bounds its own memory, and a runtime's threads would take a part of that.
    if let Command::Select(limits) = &args.command {
        return select::run(limits).into();
    }
    logging::start(&args.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot start");
            return Exit::Bug.into();
        }
    };
    let result = runtime.block_on(dispatch(args));
    // A thread may still sit in a read of standard input, which cannot be cancelled.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(CliError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Exit::Ok.into()
        }
        Err(error) => {
            output::complain(&crate::error::chain(&error));
            error.exit().into()
        }
    }
}

async fn dispatch(args: Args) -> Result<Exit, CliError> {
    let global = args.global;
    match args.command {
        Command::Select(limits) => Ok(select::run(&limits)),
        Command::Serve(serve) => serve::serve(global, serve).await,
        Command::Run(run) => run::run(global, run).await,
        Command::Check(check) if check.connect => Box::pin(doctor::check(global, check)).await,
        Command::Check(check) => check::check(global, &check),
        Command::Demo(demo) => Box::pin(demo::demo(demo)).await,
        Command::Config { command } => change::config(global, command).await,
        Command::Change { command } => Box::pin(change::change(global, command)).await,
        Command::Platform { command } => platform::platform(global, command).await,
        Command::Parse(parse) => Box::pin(parse::parse(global, parse)).await,
        Command::Templates { command } => templates::templates(global, command),
        Command::Record { device, commands } => {
            Box::pin(record::record(global, device, commands)).await
        }
        Command::HostKey { command } => host_key::host_key(global, command).await,
        Command::Token { command } => token::token(global, command),
        Command::Lockout { command } => lockout::lockout(global, command),
        Command::Lab(lab) => lab::lab(lab).await,
        Command::Completions { shell } => {
            let mut command = Args::command();
            clap_complete::generate(shell, &mut command, "vty-mcp", &mut std::io::stdout());
            Ok(Exit::Ok)
        }
    }
}

/// Loads the settings that the command line asks for.
fn settings(global: args::Global) -> Result<Settings, CliError> {
    Settings::load(global.into_overrides()).map_err(CliError::Settings)
}
