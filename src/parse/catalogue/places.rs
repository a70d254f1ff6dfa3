//! Owns the search for templates that are installed on the machine, by looking where they lie; Python
//! is not asked, since starting it takes longer than everything else here.

use std::path::{Path, PathBuf};

/// Where packages of Python lie below the root of an environment.
const SITES: [&str; 2] = ["site-packages", "dist-packages"];

/// The roots that the search begins at.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// An active virtual environment of Python (`VIRTUAL_ENV`, `CONDA_PREFIX`).
    pub environments: Vec<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// Where the system's own files are; `/` but in tests.
    pub system: PathBuf,
}

/// The places where ntc-templates are installed: the Python package of the active environment, of
/// the user and of the system, then `~/ntc-templates` and `/usr/share/ntc-templates`. Whether the index
/// of each can be used is not looked at.
pub fn installed(roots: &Roots) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let user = roots.home.as_ref().map(|home| home.join(".local"));
    let system = ["usr/local", "usr"].map(|below| roots.system.join(below));
    for root in roots.environments.iter().chain(&user).chain(&system) {
        found.extend(packages(root));
    }
    found.extend(roots.home.as_ref().map(|home| home.join("ntc-templates")));
    found.push(roots.system.join("usr/share/ntc-templates"));
    found.retain(|place| super::Library::open(place).is_ok());
    found
}

/// The package below `lib/python3*` or `Lib`, the newest Python first.
fn packages(root: &Path) -> Vec<PathBuf> {
    let mut libraries: Vec<(u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(root.join("lib")).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(version) = name.to_str().and_then(|name| name.strip_prefix("python3")) else {
            continue;
        };
        let minor = version.strip_prefix('.').and_then(|minor| minor.parse().ok());
        libraries.push((minor.unwrap_or_default(), entry.path()));
    }
    libraries.sort_by(|a, b| b.cmp(a));
    let libraries = libraries.into_iter().map(|(_, path)| path);
    // A virtual environment on Windows.
    let libraries = libraries.chain([root.join("Lib")]);
    libraries
        .flat_map(|library| SITES.map(|site| library.join(site).join("ntc_templates/templates")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(root: &Path, below: &str) {
        let directory = root.join(below);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("index"), "Template, Hostname, Platform, Command\n").unwrap();
    }

    #[test]
    fn installed_templates_are_found_in_the_order_in_which_python_would_take_them() {
        let root = tempfile::tempdir().unwrap();
        let (home, environment) = (root.path().join("home/me"), root.path().join("venv"));
        let package = "site-packages/ntc_templates/templates";
        place(&environment, &format!("lib/python3.12/{package}"));
        place(&home, &format!(".local/lib/python3.9/{package}"));
        place(&home, &format!(".local/lib/python3.11/{package}"));
        place(root.path(), "usr/lib/python3/dist-packages/ntc_templates/templates");
        place(&home, "ntc-templates/ntc_templates/templates");
        place(root.path(), "usr/share/ntc-templates");
        std::fs::create_dir_all(root.path().join("usr/local/lib/python3.13").join(package))
            .unwrap();
        let roots = Roots {
            environments: vec![environment],
            home: Some(home),
            system: root.path().to_owned(),
        };
        let found = installed(&roots);
        let below: Vec<_> =
            found.iter().map(|place| place.strip_prefix(root.path()).unwrap()).collect();
        let expected = [
            format!("venv/lib/python3.12/{package}"),
            format!("home/me/.local/lib/python3.11/{package}"),
            format!("home/me/.local/lib/python3.9/{package}"),
            "usr/lib/python3/dist-packages/ntc_templates/templates".to_owned(),
            "home/me/ntc-templates".to_owned(),
            "usr/share/ntc-templates".to_owned(),
        ];
        assert_eq!(
            below,
            expected.map(PathBuf::from),
            "the package without an index does not count"
        );
    }

    #[test]
    fn where_nothing_is_installed_nothing_is_found() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots { system: root.path().to_owned(), ..Roots::default() };
        assert_eq!(installed(&roots), Vec::<PathBuf>::new());
    }
}
