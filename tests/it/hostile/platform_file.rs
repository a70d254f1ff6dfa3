//! A platform file of any content: refused with a reason, or good for everything it is asked.

use vty_mcp::platform::{Platform, Platforms};
use vty_mcp::policy::permit_read;

/// Reads any bytes as a platform file.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let name = Platforms::embedded().resolve("frr").unwrap();
    let platform = match Platform::parse(&name, &text) {
        Ok(platform) => platform,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let again = Platform::parse(&name, &text).unwrap();
    assert_eq!(format!("{platform:?}"), format!("{again:?}"));

    assert!(platform.mode(&platform.default_mode).is_some());
    for mode in &platform.modes {
        assert!(platform.path(&mode.name, &platform.default_mode).is_some(), "{}", mode.name);
        for case in &mode.cases {
            let (above, line) = case.rsplit_once('\n').unwrap_or(("", case));
            assert!(mode.accepts(above, line), "{case:?} is no prompt of {}", mode.name);
        }
    }
    for step in &platform.transitions {
        assert!(platform.mode(&step.from).is_some() && platform.mode(&step.to).is_some());
    }
    // Any line may be what a device shows or what a caller asks for.
    for line in text.lines().take(50) {
        platform.mode_of("", line);
        platform.failure_anywhere(line);
        if let Ok(permitted) = permit_read(&platform, line) {
            assert_eq!(permitted.as_str(), line);
        }
    }
}
