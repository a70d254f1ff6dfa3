//! Owns what is read of an OpenSSH client configuration: `HostName`, `Port`, `User`,
//! `IdentityFile`, `ProxyJump` and `ProxyCommand`, in `Host` blocks and included files.
//!
//! The crate `ssh2-config` reads the patterns and values of single lines. Blocks and their order are
//! kept here, because it lets the last of two equal keywords of a block win where OpenSSH takes the
//! first, puts what follows a `Match` into the block before it, and knows no line numbers.
//!
//! **Invariant:** what could hide a jump host is an error: `Match`, a missing include, a line that
//! cannot be read. Keywords that are not named above are ignored.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ssh2_config::{Host, HostParams, ParseRule, SshConfig as Lines};

use super::files::{ReadFailure, read_bytes};
use super::path::home;
use super::problem::{Place, Position};

/// A configuration larger than this is something else.
const MOST_BYTES: u64 = 1 << 20;
/// As in OpenSSH.
const DEEPEST_INCLUDE: usize = 16;
/// The most files that all includes of a configuration may read.
const MOST_FILES: usize = 256;

/// Why a configuration cannot be used.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) place: Place,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

/// A configuration that was read.
#[derive(Debug)]
pub(super) struct SshConfig {
    pub(super) path: PathBuf,
    directives: Vec<Directive>,
}

/// One line and the blocks it stands in.
#[derive(Debug)]
struct Directive {
    /// All of them must fit; more than one where a block includes a file with blocks of its own.
    blocks: Vec<Rc<Host>>,
    says: Says,
}

#[derive(Debug)]
enum Says {
    HostName(String),
    Port(u16),
    User(String),
    IdentityFile(Vec<PathBuf>),
    Proxy(Proxy),
}

/// How a host is reached.
#[derive(Debug, Clone)]
pub(super) enum Proxy {
    /// Directly, whatever follows.
    None,
    /// Through these hosts, the first one in front.
    Jump(Rc<Vec<JumpSpec>>),
    /// Over a command.
    Command(String),
}

/// One host of `ProxyJump`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JumpSpec {
    pub(super) user: Option<String>,
    pub(super) alias: String,
    pub(super) port: Option<u16>,
}

/// What a configuration says about one host.
#[derive(Debug, Default)]
pub(super) struct HostEntry {
    pub(super) host_name: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) identities: Vec<PathBuf>,
    pub(super) proxy: Option<Proxy>,
}

impl SshConfig {
    /// Reads a configuration and what it includes.
    pub(super) fn read(path: &Path) -> Result<Self, Vec<Refusal>> {
        let mut reading = Reading { refusals: Vec::new(), directives: Vec::new(), files: 0 };
        reading.file(path, &[], 0);
        if reading.refusals.is_empty() {
            Ok(Self { path: path.to_owned(), directives: reading.directives })
        } else {
            Err(reading.refusals)
        }
    }

    /// What it says about a host; the first value of each keyword counts.
    pub(super) fn lookup(&self, alias: &str) -> HostEntry {
        let alias = alias.to_ascii_lowercase();
        let mut entry = HostEntry::default();
        let mut no_more_identities = false;
        for Directive { blocks, says } in &self.directives {
            if !blocks.iter().all(|host| host.intersects(&alias)) {
                continue;
            }
            match says {
                Says::HostName(name) => {
                    entry.host_name.get_or_insert_with(|| name.clone());
                }
                Says::Port(port) => {
                    entry.port.get_or_insert(*port);
                }
                Says::User(user) => {
                    entry.user.get_or_insert_with(|| user.clone());
                }
                Says::IdentityFile(paths) => {
                    for path in paths.iter().filter(|_| !no_more_identities) {
                        if path.as_os_str() == "none" {
                            no_more_identities = true;
                            break;
                        }
                        entry.identities.push(path.clone());
                    }
                }
                Says::Proxy(proxy) => {
                    entry.proxy.get_or_insert_with(|| proxy.clone());
                }
            }
        }
        entry
    }
}

struct Reading {
    refusals: Vec<Refusal>,
    directives: Vec<Directive>,
    files: usize,
}

/// A line of a file.
#[derive(Clone, Copy)]
struct At<'a> {
    file: &'a Path,
    line: u32,
}

impl Reading {
    fn refuse(&mut self, at: At<'_>, what: impl Into<String>, remedy: &'static str) {
        let position = (at.line > 0).then_some(Position { line: at.line, column: 1 });
        let place = Place { file: at.file.to_owned(), position, path: String::new() };
        self.refusals.push(Refusal { place, what: what.into(), remedy });
    }

    fn file(&mut self, path: &Path, outer: &[Rc<Host>], depth: usize) {
        let top = At { file: path, line: 0 };
        self.files += 1;
        if depth > DEEPEST_INCLUDE || self.files > MOST_FILES {
            self.refuse(
                top,
                "too many files include each other",
                "look for a file that includes itself",
            );
            return;
        }
        let text = match read_bytes(path, MOST_BYTES).map(|(bytes, _)| bytes) {
            Ok(bytes) => std::str::from_utf8(&bytes).map(str::to_owned).ok(),
            Err(failure) => {
                let what = match failure {
                    ReadFailure::Directory => "the ssh_config is a directory".to_owned(),
                    ReadFailure::TooLarge => "the ssh_config is larger than 1 MiB".to_owned(),
                    ReadFailure::Io(error) => format!("the ssh_config cannot be read: {error}"),
                };
                self.refuse(top, what, "name a readable file; without it the way is not known");
                return;
            }
        };
        let Some(text) = text else {
            self.refuse(top, "the ssh_config is not UTF-8", "save it as UTF-8");
            return;
        };
        let mut block: Option<Rc<Host>> = None;
        for (index, line) in text.lines().enumerate() {
            let line_number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
            let at = At { file: path, line: line_number };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
            let (keyword, rest) = line.split_at_checked(end).unwrap_or((line, ""));
            let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
            let mut blocks = outer.to_vec();
            blocks.extend(block.clone());
            match keyword.to_ascii_lowercase().as_str() {
                "host" => block = self.host(at, rest),
                "match" => {
                    let remedy = "write the lines below it into `Host` blocks, or use a file \
                                  without `Match`";
                    self.refuse(at, "`Match` is not supported, and may say another way", remedy);
                    return;
                }
                "include" => self.include(at, rest, &blocks, depth),
                "hostname" => {
                    self.value(at, line, blocks, |params| Some(Says::HostName(params.host_name?)));
                }
                "port" => self.value(at, line, blocks, |params| {
                    Some(Says::Port(params.port.filter(|port| *port > 0)?))
                }),
                "user" => self.value(at, line, blocks, |params| Some(Says::User(params.user?))),
                "identityfile" => self.value(at, line, blocks, |params| {
                    Some(Says::IdentityFile(params.identity_file?))
                }),
                "proxyjump" => {
                    if let Some(proxy) = jump(rest) {
                        self.add(blocks, Says::Proxy(proxy));
                    } else {
                        let remedy = "write none, or hosts such as user@host:port, separated by \
                                      commas without blanks";
                        self.refuse(at, "this `ProxyJump` cannot be read", remedy);
                    }
                }
                "proxycommand" => match rest {
                    "" => self.refuse(at, "`ProxyCommand` has no value", "write a command or none"),
                    none if none.eq_ignore_ascii_case("none") => {
                        self.add(blocks, Says::Proxy(Proxy::None));
                    }
                    command => self.add(blocks, Says::Proxy(Proxy::Command(command.to_owned()))),
                },
                _ => {}
            }
        }
    }

    fn add(&mut self, blocks: Vec<Rc<Host>>, says: Says) {
        self.directives.push(Directive { blocks, says });
    }

    /// Reads a line with one value.
    fn value(
        &mut self,
        at: At<'_>,
        line: &str,
        blocks: Vec<Rc<Host>>,
        says: impl FnOnce(HostParams) -> Option<Says>,
    ) {
        let read = parse(line).map(|lines| says(lines.query("any")));
        match read {
            Ok(Some(says)) => self.add(blocks, says),
            Ok(None) => self.refuse(at, "the value cannot be read", "see ssh_config(5)"),
            Err(what) => self.refuse(at, what, "see ssh_config(5)"),
        }
    }

    /// Reads the patterns of a block. Nothing is in a block whose patterns cannot be read.
    fn host(&mut self, at: At<'_>, patterns: &str) -> Option<Rc<Host>> {
        // OpenSSH compares names in lower case.
        match parse(&format!("Host {}", patterns.to_ascii_lowercase())) {
            Ok(lines) => lines.get_hosts().last().cloned().map(Rc::new),
            Err(what) => {
                self.refuse(at, what, "write the names or patterns behind `Host`");
                None
            }
        }
    }

    fn include(&mut self, at: At<'_>, rest: &str, blocks: &[Rc<Host>], depth: usize) {
        for pattern in rest.split_whitespace() {
            let pattern = pattern.trim_matches('"');
            match included(pattern) {
                Ok(paths) => {
                    for path in paths {
                        self.file(&path, blocks, depth + 1);
                    }
                }
                Err(what) => {
                    let remedy = "name one file, or a pattern in the last part of a path";
                    self.refuse(at, what, remedy);
                }
            }
        }
    }
}

/// Reads one line.
fn parse(line: &str) -> Result<Lines, String> {
    let lines = match home() {
        Some(home) => Lines::default().home_dir(home),
        None => Lines::default(),
    };
    lines.parse(&mut line.as_bytes(), ParseRule::STRICT).map_err(|error| error.to_string())
}

/// The files that `Include` means, in their order.
fn included(pattern: &str) -> Result<Vec<PathBuf>, &'static str> {
    let path = match (pattern.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        (None, _) if Path::new(pattern).is_absolute() => PathBuf::from(pattern),
        (None, Some(home)) if !pattern.starts_with('~') => home.join(".ssh").join(pattern),
        _ => return Err("this path of `Include` cannot be resolved"),
    };
    let wild = |text: &str| text.contains(['*', '?', '[']);
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err("this path of `Include` cannot be resolved");
    };
    if wild(&directory.display().to_string()) || name.contains('[') {
        return Err("this pattern of `Include` is not supported");
    }
    if !wild(name) {
        return Ok(vec![path]);
    }
    let pattern = ssh2_config::HostClause::new(name.to_owned(), false);
    // As in a shell, a pattern does not mean hidden files, and one that nothing fits means none.
    let entries: Vec<_> = match std::fs::read_dir(directory).and_then(Iterator::collect) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        // A jump host may be named in there.
        Err(_) => return Err("the directory of this `Include` cannot be read"),
    };
    let names = entries
        .into_iter()
        .filter_map(|entry: std::fs::DirEntry| entry.file_name().into_string().ok());
    let fits = |entry: &String| !entry.starts_with('.') && pattern.intersects(entry);
    let mut names: Vec<String> = names.filter(fits).collect();
    names.sort();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// Reads the value of `ProxyJump`.
fn jump(text: &str) -> Option<Proxy> {
    let text = text.trim().trim_matches('"');
    if text.eq_ignore_ascii_case("none") {
        return Some(Proxy::None);
    }
    let hosts: Option<Vec<JumpSpec>> = text.split(',').map(jump_spec).collect();
    hosts.map(|hosts| Proxy::Jump(Rc::new(hosts)))
}

fn jump_spec(text: &str) -> Option<JumpSpec> {
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 256
            && !text.starts_with('-')
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'/\\@%".contains(c))
    };
    let text = text.strip_prefix("ssh://").map_or(text, |uri| uri.trim_end_matches('/'));
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, text),
    };
    let (alias, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((alias, "")) => (alias, None),
        Some((alias, port)) => (alias, Some(port.strip_prefix(':')?)),
        // More than one colon without brackets is an IPv6 address.
        None if host.matches(':').count() == 1 => {
            let (alias, port) = host.split_once(':')?;
            (alias, Some(port))
        }
        None => (host, None),
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0)?),
        None => None,
    };
    let sound = plain(alias) && user.is_none_or(plain);
    sound.then(|| JumpSpec { user: user.map(str::to_owned), alias: alias.to_owned(), port })
}

/// Replaces `%x` by what it stands for; the letter that stands for nothing where there is one.
pub(super) fn expand(text: &str, tokens: &[(char, &str)]) -> Result<String, char> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match rest.next() {
            Some('%') => out.push('%'),
            Some(token) => match tokens.iter().find(|(known, _)| *known == token) {
                Some((_, value)) => out.push_str(value),
                None => return Err(token),
            },
            None => return Err('%'),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(user: Option<&str>, alias: &str, port: Option<u16>) -> JumpSpec {
        JumpSpec { user: user.map(str::to_owned), alias: alias.to_owned(), port }
    }

    #[test]
    fn the_hosts_of_proxy_jump_have_users_and_ports() {
        let cases = [
            ("hop", spec(None, "hop", None)),
            ("me@hop:2222", spec(Some("me"), "hop", Some(2222))),
            ("ssh://me@hop:22/", spec(Some("me"), "hop", Some(22))),
            ("[2001:db8::1]:22", spec(None, "2001:db8::1", Some(22))),
            ("2001:db8::1", spec(None, "2001:db8::1", None)),
            ("me@dom@hop", spec(None, "", None)),
        ];
        for (text, expected) in cases {
            let read = jump_spec(text);
            if expected.alias.is_empty() {
                assert_eq!(read, None, "{text}");
            } else {
                assert_eq!(read, Some(expected), "{text}");
            }
        }
        for text in ["", "a,,b", "a, b", "hop:0", "hop:65536", "hop:x", "-oX", "a b", "[::1]x"] {
            assert!(jump(text).is_none(), "{text}");
        }
        assert!(matches!(jump("None"), Some(Proxy::None)));
    }

    #[test]
    fn tokens_are_replaced_and_unknown_ones_named() {
        let tokens = [('h', "r1"), ('p', "22")];
        assert_eq!(expand("nc %h %p 100%%", &tokens), Ok("nc r1 22 100%".to_owned()));
        assert_eq!(expand("nc %x", &tokens), Err('x'));
        assert_eq!(expand("nc %", &tokens), Err('%'));
    }
}
