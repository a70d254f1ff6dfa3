//! Where templates are looked for, and whether a caller may bring one along.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Deserialize;

/// The variables of other tools that name a directory of templates: that of ntc-templates, and
/// netmiko's.
const VARIABLES: [&str; 2] = ["NTC_TEMPLATES_DIR", "NET_TEXTFSM"];

/// The part `[templates]` of the settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TemplatesFile {
    directories: Vec<PathBuf>,
    search: bool,
    pub(super) allow_inline: bool,
}

impl Default for TemplatesFile {
    fn default() -> Self {
        Self { directories: Vec::new(), search: true, allow_inline: false }
    }
}

/// What the environment says about templates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateSearch {
    /// What a variable names, with the variable.
    pub variables: Vec<(String, PathBuf)>,
    /// Active environments of Python.
    pub environments: Vec<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
}

impl TemplateSearch {
    /// Takes what matters out of the environment.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        let home = path("HOME").or_else(|| path("USERPROFILE"));
        let expand = |path: PathBuf| match (path.strip_prefix("~"), &home) {
            (Ok(below), Some(home)) => home.join(below),
            _ => path,
        };
        let named = |name: &str| Some((name.to_owned(), expand(path(name)?)));
        Self {
            variables: VARIABLES.into_iter().filter_map(named).collect(),
            environments: ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(path).collect(),
            home,
        }
    }
}

/// Where templates come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateSettings {
    /// Directories and wheels that the operator names; each must hold an index.
    pub named: Vec<PathBuf>,
    /// Where to look beside them; none to look nowhere.
    pub search: Option<TemplateSearch>,
}

impl TemplateSettings {
    pub(super) fn new(
        file: TemplatesFile,
        named: Vec<PathBuf>,
        search: Option<TemplateSearch>,
    ) -> Self {
        let named = if named.is_empty() { file.directories } else { named };
        let search = search.filter(|_| file.search);
        Self { named, search }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_directories_as_other_tools_read_it() {
        let search = TemplateSearch::from_environment(|name| {
            let value = match name {
                "HOME" => "/home/me",
                "NET_TEXTFSM" => "~/ntc-templates",
                "NTC_TEMPLATES_DIR" => "/opt/templates",
                "VIRTUAL_ENV" => "/venv",
                "CONDA_PREFIX" => "",
                _ => return None,
            };
            Some(value.into())
        });
        let named = |name: &str, path: &str| (name.to_owned(), PathBuf::from(path));
        assert_eq!(
            search.variables,
            [
                named("NTC_TEMPLATES_DIR", "/opt/templates"),
                named("NET_TEXTFSM", "/home/me/ntc-templates")
            ]
        );
        assert_eq!(search.environments, [PathBuf::from("/venv")]);
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_search_can_be_switched_off() {
        let file = |text: &str| toml::from_str::<TemplatesFile>(text).unwrap();
        let search = Some(TemplateSearch::default());
        let settings =
            TemplateSettings::new(file("directories = [\"/a\"]"), Vec::new(), search.clone());
        assert_eq!((settings.named, settings.search), (vec![PathBuf::from("/a")], search.clone()));
        let text = "directories = [\"/a\"]\nsearch = false";
        let settings = TemplateSettings::new(file(text), vec!["/b".into()], search);
        assert_eq!(settings, TemplateSettings { named: vec!["/b".into()], search: None });
        assert!(toml::from_str::<TemplatesFile>("inline = true").is_err());
    }
}
