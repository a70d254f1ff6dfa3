//! Lays a platform file over the one it inherits from.
//!
//! Tables are merged key by key; everything else replaces what was there. What stands under
//! `extend` is added to the lists of the inherited file instead of replacing them.

use toml::{Table, Value};

/// The key that names the inherited platform.
pub(super) const INHERITS: &str = "inherits";
/// The key whose lists are added to the inherited ones.
const EXTEND: &str = "extend";
/// The keys of a file that are its own: its names, the recordings that prove it, and what it is
/// recognised by, since a variant would else be as likely as what it inherits from.
const OWN: &[&str] = &["aliases", "detect", "tests"];

/// Returns the file that `over` makes of `base`.
pub(super) fn overlay(mut base: Table, mut over: Table) -> Table {
    over.remove(INHERITS);
    for key in OWN {
        base.remove(*key);
    }
    let extension = over.remove(EXTEND);
    merge(&mut base, over);
    if let Some(Value::Table(extension)) = extension {
        extend(&mut base, extension);
    }
    base
}

fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn extend(base: &mut Table, extension: Table) {
    for (key, value) in extension {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => extend(below, above),
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, over: &str, expected: &str) {
        let table = |text: &str| text.parse::<Table>().unwrap();
        assert_eq!(overlay(table(base), table(over)), table(expected));
    }

    #[test]
    fn a_file_changes_what_it_names_and_keeps_the_rest() {
        check(
            "title = 'A'\naliases = ['a']\nlist = [1]\n[terminal]\nwidth = 80\nheight = 24\n[tests]\nx = 1",
            "inherits = 'a'\ntitle = 'B'\nlist = [2]\n[terminal]\nwidth = 511",
            "title = 'B'\nlist = [2]\n[terminal]\nwidth = 511\nheight = 24",
        );
    }

    #[test]
    fn what_is_extended_is_added_to_what_was_there() {
        check(
            "list = [1]\n[read]\nverbs = ['show']\nmax = 1",
            "inherits = 'a'\n[extend]\nlist = [2]\nnew = [3]\n[extend.read]\nverbs = ['display']",
            "list = [1, 2]\nnew = [3]\n[read]\nverbs = ['show', 'display']\nmax = 1",
        );
    }
}
