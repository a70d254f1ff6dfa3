//! Configurations as sections and statements: what a change would make of one, what differs, and
//! the opposite of a change.
//!
//! This is a heuristic for platforms that cannot tell beforehand. It knows sections by their
//! indentation, `no`, and the statements of which a section has only one; it does not know defaults,
//! abbreviations or what a device writes in other words. Where it is wrong, the check after the
//! trial sees a difference and the change is taken back.

use crate::platform::{ChangeRules, Layout};
use crate::policy::Statement;

/// A configuration, or a section of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<Node>,
}

/// A statement and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    text: String,
    below: Tree,
}

/// A line to type and the number of sections it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How many sections it stands in.
    pub depth: usize,
    /// The text.
    pub text: String,
}

impl Tree {
    /// Reads a configuration as the device shows it.
    pub fn read(rules: &ChangeRules, text: &str) -> Self {
        let mut lines = Vec::new();
        // The indentation of each open section; devices indent by one or by three.
        let mut open: Vec<usize> = Vec::new();
        for line in text.lines().map(str::trim_end) {
            if rules.ignore.iter().any(|ignore| ignore.is_match(line)) {
                continue;
            }
            let word = line.trim_start();
            let indent = match rules.layout {
                Layout::Set => 0,
                Layout::Indented => line.len().saturating_sub(word.len()),
            };
            while open.last().is_some_and(|last| *last > indent) {
                open.pop();
            }
            if open.last().is_none_or(|last| *last < indent) {
                open.push(indent);
            }
            let depth = open.len().saturating_sub(1);
            lines.push(Line { depth, text: word.to_owned() });
        }
        let mut tree = Self::default();
        for line in lines {
            tree.push(line.depth, line.text);
        }
        tree
    }

    fn push(&mut self, depth: usize, text: String) {
        match (depth, self.nodes.last_mut()) {
            (1.., Some(last)) => last.below.push(depth.saturating_sub(1), text),
            _ => self.nodes.push(Node { text, below: Self::default() }),
        }
    }

    /// What this configuration would be with these statements.
    #[must_use]
    pub fn with(&self, rules: &ChangeRules, statements: &[Statement]) -> Self {
        let mut change = Self::default();
        for statement in statements {
            change.push(statement.depth, statement.text.as_str().to_owned());
        }
        let mut tree = self.clone();
        tree.merge(rules, &change);
        tree
    }

    fn merge(&mut self, rules: &ChangeRules, change: &Self) {
        for node in &change.nodes {
            if let Some(gone) = node.text.strip_prefix("no ") {
                self.remove(gone);
                continue;
            }
            if let Some(known) = self.nodes.iter_mut().find(|known| known.text == node.text) {
                known.below.merge(rules, &node.below);
                continue;
            }
            self.remove(&format!("no {}", node.text));
            let mut new = Node { text: node.text.clone(), below: Self::default() };
            new.below.merge(rules, &node.below);
            let shared = single(rules, &node.text);
            let same = |known: &Node| shared.is_some() && single(rules, &known.text) == shared;
            match self.nodes.iter_mut().find(|known| same(known)) {
                Some(replaced) => *replaced = new,
                None => self.nodes.push(new),
            }
        }
    }

    /// Removes a statement, or those that begin with it.
    fn remove(&mut self, text: &str) {
        let before = self.nodes.len();
        self.nodes.retain(|node| node.text != text);
        if self.nodes.len() == before {
            let start = format!("{text} ");
            self.nodes.retain(|node| !node.text.starts_with(&start));
        }
    }

    /// The lines that turn `after` back into this configuration.
    pub fn undoing(&self, after: &Self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.undo(after, 0, &mut lines);
        lines
    }

    fn undo(&self, after: &Self, depth: usize, lines: &mut Vec<Line>) {
        for node in after.nodes.iter().filter(|node| self.find(&node.text).is_none()) {
            let text = match node.text.strip_prefix("no ") {
                Some(opposite) => opposite.to_owned(),
                None => format!("no {}", node.text),
            };
            lines.push(Line { depth, text });
        }
        for node in &self.nodes {
            let deeper = depth.saturating_add(1);
            match after.find(&node.text) {
                None => {
                    lines.push(Line { depth, text: node.text.clone() });
                    node.below.write(deeper, lines);
                }
                Some(changed) if changed.below != node.below => {
                    lines.push(Line { depth, text: node.text.clone() });
                    node.below.undo(&changed.below, deeper, lines);
                }
                Some(_) => {}
            }
        }
    }

    fn find(&self, text: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.text == text)
    }

    fn write(&self, depth: usize, lines: &mut Vec<Line>) {
        for node in &self.nodes {
            lines.push(Line { depth, text: node.text.clone() });
            node.below.write(depth.saturating_add(1), lines);
        }
    }

    /// The configuration as text, one blank of indentation a section.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        self.write(0, &mut lines);
        let line = |line: &Line| format!("{}{}\n", " ".repeat(line.depth), line.text);
        lines.iter().map(line).collect::<Vec<_>>().concat()
    }

    /// The same configuration with every section sorted: two that differ only in the order in which
    /// a device writes them are equal.
    #[must_use]
    pub fn sorted(&self) -> Self {
        let sorted = |node: &Node| Node { text: node.text.clone(), below: node.below.sorted() };
        let mut nodes: Vec<Node> = self.nodes.iter().map(sorted).collect();
        nodes.sort_by(|one, two| one.text.cmp(&two.text));
        nodes.dedup();
        Self { nodes }
    }
}

/// What a statement shares with others of which a section has only one.
fn single(rules: &ChangeRules, text: &str) -> Option<String> {
    rules.singles.iter().find_map(|single| single.find(text)).map(|found| found.as_str().to_owned())
}

/// The difference between two texts as people read it, without unchanged parts.
pub fn difference(before: &str, after: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    let mut unified = diff.unified_diff();
    unified.context_radius(3).header("before", "after").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Platforms;
    use crate::policy::permit_configuration;

    const BEFORE: &str = "Building configuration...\n!\nhostname r1\ninterface Gi1\n description old\n \
        ip address 192.0.2.1 255.255.255.0\n!\nrouter bgp 65001\n neighbor 192.0.2.2 remote-as 65002\n !\n \
        address-family ipv4 unicast\n  network 198.51.100.0/24\n exit-address-family\nexit\n!\nend\n";

    fn check(change: &str, expected: &str, undoing: &[&str]) {
        let platforms = Platforms::embedded();
        let platform = platforms.get(&platforms.resolve("cisco_ios").unwrap()).unwrap();
        let rules = platform.change.as_ref().unwrap();
        let before = Tree::read(rules, BEFORE);
        let permitted = permit_configuration(rules, change).unwrap();
        let after = before.with(rules, permitted.statements());
        assert_eq!(
            difference(&before.text(), &after.text())
                .lines()
                .filter(|line| {
                    line.starts_with(['+', '-'])
                        && !line.starts_with("---")
                        && !line.starts_with("+++")
                })
                .map(|line| format!("{line}\n"))
                .collect::<Vec<_>>()
                .concat(),
            expected,
            "{change}"
        );
        let lines = before.undoing(&after);
        let shown: Vec<String> =
            lines.iter().map(|line| format!("{}{}", " ".repeat(line.depth), line.text)).collect();
        assert_eq!(shown, undoing, "{change}");
        // The opposite lines lead back.
        let text = shown.join("\n");
        if !text.is_empty() {
            let back = permit_configuration(rules, &text).unwrap();
            assert_eq!(after.with(rules, back.statements()).sorted(), before.sorted(), "{change}");
        }
    }

    #[test]
    fn changes_and_their_opposites() {
        check(
            "interface Gi1\n description new",
            "- description old\n+ description new\n",
            &["interface Gi1", " no description new", " description old"],
        );
        check(
            "router bgp 65001\n neighbor 192.0.2.2 shutdown",
            "+ neighbor 192.0.2.2 shutdown\n",
            &["router bgp 65001", " no neighbor 192.0.2.2 shutdown"],
        );
        check(
            "router bgp 65001\n address-family ipv4 unicast\n  no network 198.51.100.0/24",
            "-  network 198.51.100.0/24\n",
            &["router bgp 65001", " address-family ipv4 unicast", "  network 198.51.100.0/24"],
        );
        check(
            "interface Lo7\n ip address 203.0.113.7 255.255.255.255",
            "+interface Lo7\n+ ip address 203.0.113.7 255.255.255.255\n",
            &["no interface Lo7"],
        );
        check(
            "no interface Gi1",
            "-interface Gi1\n- description old\n- ip address 192.0.2.1 255.255.255.0\n",
            &["interface Gi1", " description old", " ip address 192.0.2.1 255.255.255.0"],
        );
        check("hostname r1", "", &[]);
        check(
            "interface Gi1\n no ip address",
            "- ip address 192.0.2.1 255.255.255.0\n",
            &["interface Gi1", " ip address 192.0.2.1 255.255.255.0"],
        );
    }
}
