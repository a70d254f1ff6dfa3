//! The words of the command line and their help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::settings::{Overrides, TemplateSearch};

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
  vty-mcp parse --help                       make records of an output in a file
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
    /// Directory with platform files of your own [default: vty-mcp/platforms in the configuration
    /// directory, if there]
    #[arg(long, value_name = "DIR", env = "VTY_PLATFORMS", hide_env_values = true, global = true)]
    pub(super) platforms: Option<PathBuf>,
    /// Directory or wheel with TextFSM templates and their index, asked before all others; may be
    /// given several times
    #[arg(
        long,
        value_name = "PATH",
        env = "VTY_TEMPLATES",
        hide_env_values = true,
        action = clap::ArgAction::Append,
        global = true
    )]
    pub(super) templates: Vec<PathBuf>,
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
            platforms: self.platforms,
            strict_files: self.strict_files,
            allow_changes: false,
            templates: self.templates,
            template_search: Some(TemplateSearch::from_environment(|name| std::env::var_os(name))),
            program: None,
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

/// What the process of a jq program may take.
#[derive(Debug, clap::Args)]
pub(super) struct SelectLimits {
    /// Its address space, in bytes.
    pub(super) memory: u64,
    /// Its time on a processor, in seconds.
    pub(super) seconds: u64,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one jq program, ordered on standard input
    #[command(name = crate::operations::SELECT_SUBCOMMAND, hide = true)]
    Select(SelectLimits),
    /// Serve an MCP client
    Serve(Serve),
    /// Show or compare configurations
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Plan, apply, confirm and revert changes of configuration
    #[command(
        after_help = "A change is planned first. Apply tries it under the device's own timer, \
        checks it over a new connection and takes it back when anything is wrong.\n\nExample:\n  \
        vty-mcp change plan core-r1 --file change.txt\n  \
        vty-mcp change apply PLAN_ID PLAN_HASH --yes"
    )]
    Change {
        #[command(subcommand)]
        command: ChangeCommand,
    },
    /// Run show commands on a device and print what it answers
    #[command(
        after_help = "The command takes the same path as the MCP tool run_commands: the same \
        gate, the same redaction. Quote each command.\n\nExample: vty-mcp run core-r1 \
        'show version' 'show ip bgp summary'"
    )]
    Run(Run),
    /// Check inventory, platforms and templates; with --connect the devices too
    #[command(
        after_help = "With --connect each device is resolved, connected to and logged in to, once: \
        SSH algorithms offered and chosen, host key, authentication methods, platform seen against \
        platform declared, mode, paging and round-trip time. Exit code 3 when a device cannot be \
        used.\n\nExamples:\n  vty-mcp check\n  vty-mcp check core-r1 --connect\n  \
        vty-mcp check --connect --json"
    )]
    Check(Check),
    /// List, show, check and test platform files
    #[command(
        after_help = "A platform file says how one operating system's CLI looks. Files in the \
        directory of --platforms add to the built-in ones or take their place; docs/platforms.md \
        teaches how to write one.\n\nExample:\n  vty-mcp platform check my_os.toml\n  \
        vty-mcp platform test my_os.toml"
    )]
    Platform {
        #[command(subcommand)]
        command: PlatformCommand,
    },
    /// Turn an output that lies in a file into records, without a device
    #[command(
        after_help = "The template is looked up as query_devices does it. The output is what the \
        command printed, without prompt and command. --fields, --where, --select and --types shape \
        the records as in query_devices.\n\nExamples:\n  \
        vty-mcp parse --platform cisco_ios --command 'show interfaces' output.txt\n  \
        vty-mcp run core-r1 'show interfaces' | vty-mcp parse --platform ios --command 'show int' -\n  \
        vty-mcp parse --template ports.textfsm output.txt --explain\n  \
        vty-mcp parse --platform eos --command 'show interfaces' output.txt --where 'mtu > 1500'\n  \
        vty-mcp parse --platform frr --command 'show version' output.txt --select '.[].version'"
    )]
    Parse(super::parse::ParseArgs),
    /// List, find, check and test TextFSM templates
    #[command(after_help = "Templates come from --templates, the variables NTC_TEMPLATES_DIR and \
        NET_TEXTFSM, an installed ntc-templates and this program, in this order; docs/templates.md \
        teaches how to write one.\n\nExample:\n  \
        vty-mcp templates which --platform cisco_ios 'show version'\n  \
        vty-mcp templates check ports.textfsm\n  \
        vty-mcp templates test ./outputs --template ports.textfsm")]
    Templates {
        #[command(subcommand)]
        command: super::templates::TemplatesCommand,
    },
    /// Run commands on a device and write down every byte, as test cases for a platform file
    #[command(
        after_help = "The transcript is printed as TOML, ready for `[[tests.transcripts]]` of a \
        platform file. Secrets that the inventory holds and those that look like one are replaced; \
        read it before you share it.\n\nExample: vty-mcp record core-r1 'show version' > version.toml"
    )]
    Record {
        /// A device of the inventory
        device: String,
        /// Reading commands; each makes a transcript of its own
        #[arg(required = true)]
        commands: Vec<String>,
    },
    /// List, trust and forget the host keys of devices
    #[command(
        after_help = "A host key is how a device proves that it is the one you mean. The recorded \
        ones lie in the state directory, as `known_hosts` in OpenSSH's format; a device whose key \
        is another one is refused before any credential is sent."
    )]
    HostKey {
        #[command(subcommand)]
        command: super::host_key::HostKeyCommand,
    },
    /// Make, list and revoke tokens for the HTTP transport
    Token {
        #[command(subcommand)]
        command: super::token::TokenCommand,
    },
    /// List and lift the holds of credentials that devices refused
    #[command(
        after_help = "A credential that a device refused is not sent there again for 15 minutes, and \
        one that two devices in a row refused is sent nowhere: each refusal counts towards the lock \
        of the account, and AAA servers count for the whole network.\n\nExample:\n  \
        vty-mcp lockout list\n  vty-mcp lockout reset core-r1"
    )]
    Lockout {
        #[command(subcommand)]
        command: super::lockout::LockoutCommand,
    },
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

#[derive(Debug, Subcommand)]
pub(super) enum PlatformCommand {
    /// List the platforms with their aliases and where their files come from
    List {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a platform's file
    Show {
        /// A platform or an alias
        name: String,
    },
    /// Check platform files: patterns, cases, names and the mode graph
    Check {
        /// Platform files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Play the transcripts of platform files to the engine, whole, byte by byte and at random cuts
    Test {
        /// Platform files, or names of platforms
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// How the client is connected
    #[arg(short, long, value_enum, default_value = "stdio")]
    pub(super) transport: Transport,
    /// Let a client without a token change configuration, not only read
    #[arg(long)]
    pub(super) allow_changes: bool,
    /// HTTP: the address to listen on; beyond loopback clients need tokens
    #[arg(short = 'H', long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(super) host: std::net::IpAddr,
    /// HTTP: the port to listen on
    #[arg(short, long, default_value_t = 30030)]
    pub(super) port: u16,
    /// HTTP: another name by which clients may call this server, such as mcp.example.net
    #[arg(long, value_name = "NAME")]
    pub(super) allowed_host: Vec<String>,
    /// HTTP: an origin from which browsers may call, such as <https://tools.example.net>
    #[arg(long, value_name = "ORIGIN")]
    pub(super) allowed_origin: Vec<String>,
    /// Serve simulated devices instead of an inventory, to try it without a router
    #[arg(long)]
    pub(super) lab: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print a configuration, without its secrets
    Get {
        /// A device of the inventory
        device: String,
        /// Print the startup configuration instead of the running one
        #[arg(long)]
        startup: bool,
        /// Print what is typed and not committed yet
        #[arg(long, conflicts_with = "startup")]
        candidate: bool,
        /// Only the sections whose first line begins with this
        #[arg(long, value_name = "WORDS")]
        section: Option<String>,
    },
    /// Print how the running configuration differs from another one; nothing where it does not
    #[command(group = clap::ArgGroup::new("against").required(true))]
    Compare {
        /// A device of the inventory
        device: String,
        /// Compare with the startup configuration
        #[arg(long, group = "against")]
        startup: bool,
        /// Compare with what is typed and not committed yet
        #[arg(long, group = "against")]
        candidate: bool,
        /// Compare with the configuration N commits ago
        #[arg(long, value_name = "N", group = "against")]
        rollback: Option<u32>,
        /// Compare with the running configuration of another device
        #[arg(long, value_name = "DEVICE", group = "against")]
        with: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ChangeCommand {
    /// Show what configuration lines would do, and keep that as a plan
    Plan {
        /// Devices of the inventory
        #[arg(required = true, value_name = "DEVICE")]
        names: Vec<String>,
        /// The lines; - for standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// The change is meant to take sessions or interfaces down
        #[arg(long)]
        expect_loss: bool,
    },
    /// Apply a plan; without --yes it is held by the device's own timer for `change confirm`
    Apply {
        /// `plan_id` of the plan
        plan_id: String,
        /// `plan_hash` of the plan
        plan_hash: String,
        /// Minutes to confirm it in, 2 to 30
        #[arg(long, value_name = "MINUTES", default_value_t = 5)]
        confirm_within: u32,
        /// Confirm and save at once when the checks pass
        #[arg(long)]
        yes: bool,
    },
    /// Make a held change stay
    Confirm {
        /// `change_id` of the change
        change_id: String,
    },
    /// Take back a change that was not confirmed yet
    Revert {
        /// `change_id` of the change
        change_id: String,
    },
    /// List changes made from this command line
    List {
        /// Only changes of this device
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
    },
}

/// How an MCP client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Transport {
    /// Standard input and output
    Stdio,
    /// Streamable HTTP, at the path /mcp
    #[value(alias = "streamable-http")]
    Http,
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// A device of the inventory
    pub(super) device: String,
    /// Commands, run in this order
    #[arg(required = true)]
    pub(super) commands: Vec<String>,
    /// Answer a question that a command asks, such as 'config is large=yes'; in their order
    #[arg(long, value_name = "QUESTION=ANSWER", value_parser = question_and_answer)]
    pub(super) answer: Vec<(String, String)>,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Devices to check; with --connect and no device, all of them
    #[arg(value_name = "DEVICE", requires = "connect")]
    pub(super) device: Vec<String>,
    /// Connect and log in: what stands between this program and the devices, and what to change
    #[arg(long)]
    pub(super) connect: bool,
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
    /// Serve a device of every built-in personality, not only those of the demo
    #[arg(long)]
    pub(super) all: bool,
    /// Serve one more device that talks as this personality file says, named after the file
    #[arg(long, value_name = "FILE")]
    pub(super) personality: Vec<PathBuf>,
    /// Serve this many devices of one personality instead, r0001 and so on; `--personality` may
    /// then also name a built-in one [default: `cisco_ios`]
    #[arg(long, value_name = "N", conflicts_with_all = ["all", "file"])]
    pub(super) count: Option<usize>,
    /// Serve the devices that this TOML file describes instead, each with faults of its own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "personality"])]
    pub(super) file: Option<PathBuf>,
    /// A fault of every device, such as `chunk_size=1`, `paging_stays_on=true` or `echo="twice"`
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) fault: Vec<String>,
}

/// Splits at the last equals sign, since a question may have one.
fn question_and_answer(text: &str) -> Result<(String, String), String> {
    let pair = text.rsplit_once('=').ok_or("write QUESTION=ANSWER")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_words_do_not_contradict_one_another() {
        super::Args::command().debug_assert();
    }
}
