//! Configurations as their platforms keep them.

use super::super::personality::Personality;
use super::*;

fn configuration(platform: &str) -> Configuration {
    let spec = Personality::builtin(platform).unwrap().configuration;
    Configuration::new(spec, Arc::default(), "r1", &[]).unwrap()
}

#[test]
fn a_new_device_runs_on_the_text_of_its_personality() {
    for platform in Personality::builtin_names() {
        let configuration = configuration(platform);
        let text = configuration.spec().initial.replace("{hostname}", "r1");
        assert_eq!(configuration.running_text(), text, "{platform}");
        assert_eq!(configuration.startup_text(), text, "{platform}");
        assert_eq!(configuration.hostname(), "r1", "{platform}");
        assert!(!configuration.locks_out(), "{platform}");
    }
}
