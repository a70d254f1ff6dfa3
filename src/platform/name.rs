//! The name of a platform, `cisco_ios`: the stem of its file and the platform key of ntc-templates.

use std::fmt;

use serde::Serialize;

/// A platform's canonical name. Made only by [`super::Platforms::resolve`], so it always exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PlatformName(String);

impl PlatformName {
    /// What an inventory says where the platform shall be found out.
    pub const AUTO: &str = "auto";

    /// Whether the platform shall be found out.
    pub fn is_auto(&self) -> bool {
        self.0 == Self::AUTO
    }

    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as files and callers spell it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
