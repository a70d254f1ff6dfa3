//! The words of the command line and their help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::settings::Overrides;

/// Lets AI assistants read your network: an MCP server that speaks SSH to routers and switches.
#[derive(Debug, Parser)]
#[command(
    name = "vty-mcp",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  vty-mcp demo                               see it work against simulated devices
  vty-mcp check                              check ./devices.json
  vty-mcp run core-r1 'show version'         run a command as the tool would
  vty-mcp serve                              serve an MCP client on standard input and output

Exit codes: 0 all right, 1 a defect of vty-mcp, 2 wrong usage, inventory or settings,
3 a device or a command failed."
)]
pub struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every subcommand.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Global {
    /// Inventory of devices, as JSON [default: ./devices.json]
    #[arg(
        short = 'f',
        long = "devices",
        alias = "device-mapping",
        value_name = "FILE",
        env = "VTY_DEVICES",
        hide_env_values = true,
        global = true
    )]
    pub(super) devices: Option<PathBuf>,
    /// Settings, as TOML [default: vty-mcp/settings.toml in the configuration directory, if there]
    #[arg(long, value_name = "FILE", env = "VTY_SETTINGS", hide_env_values = true, global = true)]
    pub(super) settings: Option<PathBuf>,
    /// Directory for recorded host keys and other state [default: per XDG]
    #[arg(long, value_name = "DIR", env = "VTY_STATE_DIR", hide_env_values = true, global = true)]
    pub(super) state_dir: Option<PathBuf>,
    /// Refuse files with secrets that others can read instead of warning
    #[arg(long, global = true)]
    pub(super) strict_files: bool,
    /// What to log to standard error: error, warn, info, debug, or filters such as `vty_mcp=debug`
    #[arg(
        long,
        value_name = "FILTER",
        env = "VTY_LOG",
        hide_env_values = true,
        default_value = "warn",
        value_parser = super::logging::filter,
        global = true
    )]
    pub(super) log: String,
    /// How to log
    #[arg(
        long,
        value_enum,
        env = "VTY_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text",
        global = true
    )]
    pub(super) log_format: LogFormat,
}

impl Global {
    pub(super) fn into_overrides(self) -> Overrides {
        Overrides {
            inventory: self.devices,
            settings_file: self.settings,
            state_dir: self.state_dir,
            strict_files: self.strict_files,
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve an MCP client
    Serve(Serve),
    /// Run show commands on a device and print what it answers
    #[command(
        after_help = "The command takes the same path as the MCP tool run_commands: the same \
        gate, the same redaction. Quote each command.\n\nExample: vty-mcp run core-r1 \
        'show version' 'show ip bgp summary'"
    )]
    Run(Run),
    /// Check inventory, platforms and templates without contacting a device
    Check(Check),
    /// Show the whole way, from an MCP client to simulated devices
    Demo(Demo),
    /// Serve simulated devices over real SSH on this machine
    Lab(Lab),
    /// Print completions for a shell
    #[command(
        after_help = "Example: vty-mcp completions bash > ~/.local/share/bash-completion/completions/vty-mcp"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// How the client is connected
    #[arg(short, long, value_enum, default_value = "stdio")]
    pub(super) transport: Transport,
    /// Serve simulated devices instead of an inventory, to try it without a router
    #[arg(long)]
    pub(super) lab: bool,
}

/// How an MCP client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Transport {
    /// Standard input and output
    Stdio,
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// A device of the inventory
    pub(super) device: String,
    /// Commands, run in this order
    #[arg(required = true)]
    pub(super) commands: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Stop this simulated device after the first step, to see the demo fail
    #[arg(long, value_name = "DEVICE", hide = true)]
    pub(super) kill: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Lab {
    /// Write an inventory of the simulated devices to this new file; it is removed at the end
    #[arg(long, value_name = "FILE", default_value = "lab.json")]
    pub(super) inventory: PathBuf,
    /// First port; each device takes the next one [default: free ports]
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<u16>,
}
