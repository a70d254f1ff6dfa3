//! OpenSSH client configurations: what is honoured, and what is refused rather than missed.

use super::files::{PLAIN_KEY, Site};
use super::*;

/// A device file whose devices have only addresses, and a configuration beside it.
fn site(devices: &str, config: &str) -> Site {
    let text = format!(
        "{{\"defaults\": {{\"platform\": \"ios\", \"ssh_config\": \"config\"}}, \
         \"devices\": {{{devices}}}}}"
    );
    let site = Site::new(text.as_bytes());
    site.write("config", config.as_bytes(), 0o600);
    site.write("key", PLAIN_KEY.as_bytes(), 0o600);
    site
}

const R1: &str = r#""r1": {"address": "r1", "username": "u", "auth": {"type": "agent"}}"#;

#[track_caller]
fn device(site: &Site, allow: bool) -> Device {
    let options = LoadOptions { allow_proxy_commands: allow, ..options() };
    let loaded = load(&site.path("devices.json"), &options);
    let loaded = loaded.unwrap_or_else(|error| panic!("{}", error.report()));
    loaded.inventory.device("r1").unwrap().clone()
}

/// The way to `r1` as `user@address:port`, the first hop in front.
#[track_caller]
fn way(config: &str) -> Vec<String> {
    let device = device(&site(R1, config), false);
    let hops = device.route.hops();
    hops.iter().map(|hop| format!("{}@{}", hop.username, hop.endpoint())).collect()
}

/// What is said about a configuration that cannot be used.
#[track_caller]
fn refused(config: &str) -> String {
    let problems = site(R1, config).problems();
    assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{config}");
    report(&problems)
}

#[test]
fn host_name_port_user_and_key_come_from_the_configuration() {
    let config = "# routers\nHost r1 other\n  HostName=192.0.2.7\n  Port 2222\n  User \"netops\"\n  \
                  IdentityFile missing\n  IdentityFile key\n  ForwardAgent maybe\n\
                  Host *\n  Port 22\n  User nobody\n";
    let site = site(r#""r1": {"address": "r1"}"#, config);
    let found = device(&site, false);
    assert_eq!(found.endpoint(), "192.0.2.7:2222");
    assert_eq!(found.username, "netops");
    assert!(
        matches!(&found.auth.proof, AuthProof::Key { path, .. } if *path == site.path("key")),
        "{found:?}"
    );
    assert_eq!(found.route, Route::Direct);
}

#[test]
fn what_the_device_file_says_wins() {
    let entry = r#""r1": {"address": "r1", "port": 2200, "username": "u", "jump": null,
        "auth": {"type": "agent"}}"#;
    let config = "Host r1\n HostName %h.example.net\n Port 22\n User x\n IdentityFile nowhere\n \
                  ProxyJump u@hop\n";
    let found = device(&site(entry, config), false);
    assert_eq!(found.endpoint(), "r1.example.net:2200");
    assert_eq!((found.username.as_str(), found.auth.kind()), ("u", "agent"));
    assert_eq!(found.route, Route::Direct);
}

#[test]
fn the_first_value_counts_within_a_block_too() {
    assert_eq!(way("Host r1\n ProxyJump a@one\n ProxyJump a@two\n"), ["a@one:22"]);
    assert!(way("Host r1\n ProxyJump none\nHost *\n ProxyJump a@one\n").is_empty());
    assert!(way("Host r1\n ProxyCommand none\n ProxyJump a@one\n").is_empty());
    assert_eq!(way("Host r1\n ProxyJump a@one\n ProxyCommand nc %h %p\n"), ["a@one:22"]);
    assert_eq!(way("Host one\n ProxyJump none\nHost *\n ProxyJump a@one\n"), ["a@one:22"]);
    assert!(way("Host * !R1\n ProxyJump a@one\n").is_empty());
    assert_eq!(way("Host R?\n PROXYJUMP = a@one\n"), ["a@one:22"]);
}

#[test]
fn jump_hosts_are_looked_up_in_the_same_file() {
    let config = "Host r1\n ProxyJump outer,me@inner:2022\n\
                  Host outer\n HostName 192.0.2.1\n User gate\n IdentityFile key\n ProxyJump first\n\
                  Host first\n HostName 192.0.2.2\n Port 2200\n User f\n\
                  Host inner\n HostName 192.0.2.3\n Port 1\n User nobody\n ProxyJump unused@elsewhere\n";
    assert_eq!(way(config), ["f@192.0.2.2:2200", "gate@192.0.2.1:22", "me@192.0.2.3:2022"]);
    let site = site(R1, config);
    let found = device(&site, false);
    let hops = found.route.hops();
    assert!(matches!(&hops[0].auth.proof, AuthProof::Agent { key: None }));
    assert!(
        matches!(&hops[1].auth.proof, AuthProof::Key { path, .. } if *path == site.path("key"))
    );
    assert_eq!((hops[1].name.as_str(), hops[1].platform.as_str()), ("outer", "linux"));
}

#[test]
fn a_jump_host_may_be_a_device_of_the_file() {
    let devices = format!(
        "{R1}, \"Bastion\": {{\"address\": \"192.0.2.9\", \"username\": \"own\", \"port\": 2, \
         \"ssh_config\": null, \"auth\": {{\"type\": \"password\", \"password\": \"p\"}}}}"
    );
    let config = "Host r1\n ProxyJump bastion\nHost bastion\n HostName 192.0.2.10\n";
    let found = device(&site(&devices, config), false);
    let hops = found.route.hops();
    assert_eq!((hops[0].username.as_str(), hops[0].endpoint()), ("own", "192.0.2.9:2".to_owned()));
    assert_eq!(hops[0].name.as_str(), "Bastion");
    // With a user of its own it is another login, and so another name.
    let found = device(&site(&devices, &config.replace("ProxyJump ", "ProxyJump me@")), false);
    let hops = found.route.hops();
    assert_eq!((hops[0].name.as_str(), hops[0].username.as_str()), ("bastion-hop", "me"));
    assert_eq!(hops[0].address, "192.0.2.10");
}

#[test]
fn a_broken_way_is_an_error_and_never_a_direct_one() {
    let cases = [
        ("Host r1\n ProxyJump hop\n", "nobody says who logs in to the jump host `hop`"),
        ("Host r1\n ProxyJump u@hop:0\n", "this `ProxyJump` cannot be read\n  at"),
        ("Host r1\n ProxyJump a, b\n", "this `ProxyJump` cannot be read"),
        ("Host *\n User u\n ProxyJump hop\n", "the jump hosts go round: hop → hop"),
        ("Host r1\n ProxyJump r1\n", "`r1` is its own jump host"),
        (
            "Host r1\n ProxyJump u@a,u@b,u@c,u@d,u@e\n",
            "there are more than 4 jump hosts on the way",
        ),
        ("Match host r1\n ProxyJump u@hop\n", "`Match` is not supported"),
        ("match all\n", "`Match` is not supported"),
        ("Include nothing-there-{}\n", "cannot be read"),
        ("Host r1\n HostName a b;c\n Port 70000\n", "expected port number"),
        ("Host r1\n HostName user@h\n", "`HostName` of `r1`: the address holds an `@`"),
        ("Host r1\n ProxyCommand nc %h %p\n", "the settings do not allow that"),
        ("Host r1\n ProxyCommand\n", "`ProxyCommand` has no value"),
        ("Host\n ProxyJump u@hop\n", "missing argument"),
        ("Host r1\n User\n", "missing argument"),
    ];
    for (config, expected) in cases {
        let said = refused(config);
        assert!(said.contains(expected), "{config}\n{said}");
    }
}

#[test]
fn mistakes_are_named_with_the_file_and_the_line() {
    let problems = site(R1, "Host r1\n\n  Port x\nMatch all\n").problems();
    let places: Vec<String> = problems
        .iter()
        .map(|problem| {
            let Place { file, position, .. } = &problem.place;
            let name = file.file_name().unwrap().to_str().unwrap();
            format!("{name}:{} {}", position.unwrap().line, problem.reason)
        })
        .collect();
    assert_eq!(places, ["config:3 inv_ssh_config", "config:4 inv_ssh_config"]);
}

#[test]
fn an_unreadable_configuration_is_an_error() {
    let site = site(R1, "");
    std::fs::remove_file(site.path("config")).unwrap();
    let problems = site.problems();
    assert_eq!(problems.len(), 1, "{}", report(&problems));
    assert_eq!(problems[0].reason, "inv_ssh_config");
    std::fs::create_dir(site.path("config")).unwrap();
    assert_eq!(site.reasons(), ["inv_ssh_config"]);
    std::fs::remove_dir(site.path("config")).unwrap();
    site.write("config", b"Host \xff\n", 0o600);
    assert_eq!(site.reasons(), ["inv_ssh_config"]);
    // Nothing that the configuration would have said is missed.
    let bare = self::site(r#""r1": {"address": "r1"}"#, "Match all\n");
    assert_eq!(bare.reasons(), ["inv_ssh_config"]);
}

#[test]
fn included_files_stand_where_they_are_included() {
    let site = site(R1, "");
    let part = site.path("parts");
    std::fs::create_dir(&part).unwrap();
    let include = |pattern: &str| format!("Include {}/{pattern}\n", part.display());
    site.write("parts/b.conf", b"Host r1\n ProxyJump u@second\n", 0o600);
    site.write("parts/a.conf", b"Host r*\n ProxyJump u@first\n", 0o600);
    site.write("parts/c.other", b"Match all\n", 0o600);
    let endpoint = |config: String| {
        site.write("config", config.as_bytes(), 0o600);
        let hops = device(&site, false).route;
        hops.hops().first().map(|hop| hop.address.clone())
    };
    assert_eq!(endpoint(include("*.conf")).as_deref(), Some("first"));
    assert_eq!(endpoint(include("b.conf") + &include("a.conf")).as_deref(), Some("second"));
    // Within a block the included file counts for that block alone.
    assert_eq!(endpoint(format!("Host other\n {}", include("a.conf"))), None);
    assert_eq!(endpoint(format!("Host r*\n {}", include("a.conf"))).as_deref(), Some("first"));
    assert_eq!(endpoint(include("*.nothing")), None);
    site.write("config", include("c.other").as_bytes(), 0o600);
    assert_eq!(site.reasons(), ["inv_ssh_config"]);
    let own = format!("Include {}\n", site.path("config").display());
    site.write("config", own.as_bytes(), 0o600);
    assert!(report(&site.problems()).contains("too many files include each other"));
}

#[test]
fn a_proxy_command_needs_the_settings_and_gets_its_tokens() {
    let config = "Host r1\n HostName 192.0.2.7\n ProxyCommand ssh -W \"%h:%p\" %r@gate # 100%%\n";
    let found = device(&site(R1, config), true);
    let expected = "ssh -W \"192.0.2.7:22\" u@gate # 100%".to_owned();
    assert_eq!(found.route, Route::ProxyCommand(expected));
    let hostile = R1.replace("\"u\"", "\"u;reboot\"");
    let options = LoadOptions { allow_proxy_commands: true, ..options() };
    let refused = load(&site(&hostile, config).path("devices.json"), &options).unwrap_err();
    assert!(refused.report().contains("may not go into a command"), "{}", refused.report());
    let token = site(R1, "Host r1\n ProxyCommand nc %k\n");
    let refused = load(&token.path("devices.json"), &options).unwrap_err();
    assert!(refused.report().contains("a token that is not known"), "{}", refused.report());
}

#[cfg(unix)]
#[test]
fn a_configuration_that_others_can_change_is_a_warning() {
    let site = site(R1, "Host r1\n");
    site.write("config", b"Host r1\n", 0o644);
    assert!(site.reasons().is_empty());
    site.write("config", b"Host r1\n", 0o666);
    assert_eq!(site.reasons(), ["file_mode"]);
    assert!(site.load(true).is_err());
}
