//! What goes wrong below the shell, other ways in and other ways through.

use std::borrow::Cow;
use std::sync::Arc;

use russh::client::{self, AuthResult};
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Terminal, connect, log_in, trusting, try_connect};
use super::*;

const PROMPT: &str = "r1# ";

async fn lab(faults: Faults) -> Lab {
    lab_with(LabDevice::new("r1", "frr").faults(faults)).await
}

/// What a device says to a client that says one line, until it closes or `length` bytes came.
async fn hear(faults: Faults, length: usize) -> Vec<u8> {
    let lab = lab(faults).await;
    let mut stream = TcpStream::connect(lab.devices()[0].address()).await.unwrap();
    stream.write_all(b"SSH-2.0-test\r\n").await.unwrap();
    let mut heard = Vec::new();
    let hearing = async {
        while heard.len() < length && stream.read_buf(&mut heard).await.is_ok_and(|n| n > 0) {}
    };
    tokio::time::timeout(SOON, hearing).await.unwrap();
    heard
}

fn greeting(greeting: Greeting) -> Faults {
    Faults { greeting, ..Faults::default() }
}

#[tokio::test]
async fn a_device_can_greet_with_anything() {
    let ident = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
    assert_eq!(hear(greeting(Greeting::IdentAndClose), usize::MAX).await, ident);
    assert_eq!(hear(greeting(Greeting::IdentOnly), ident.len()).await, ident);
    assert!(hear(greeting(Greeting::WebPage), usize::MAX).await.starts_with(b"HTTP/1.1 400 "));
    assert_eq!(hear(greeting(Greeting::Noise), 512).await.len(), 512);
    assert_eq!(hear(greeting(Greeting::Text("220 hi\r\n".into())), 8).await, b"220 hi\r\n");
    let before = Faults { lines_before_ident: 100_000, ..greeting(Greeting::IdentAndClose) };
    let heard = hear(before, usize::MAX).await;
    assert_eq!((heard.len(), heard.ends_with(ident)), (100_000 + ident.len(), true));
}

#[tokio::test]
async fn a_device_that_says_nothing_still_sees_its_client_go() {
    let lab = lab(greeting(Greeting::Nothing)).await;
    let device = &lab.devices()[0];
    let stream = TcpStream::connect(device.address()).await.unwrap();
    device.wait_for(SOON, |seen| seen.open_connections == 1).await.unwrap();
    drop(stream);
    let seen = device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    assert_eq!((seen.bytes_sent, seen.logins_attempted), (0, 0));
}

#[tokio::test]
async fn bytes_of_a_connection_can_be_the_last_or_slow() {
    let drops = Faults { drop_after_bytes: Some(100), ..Faults::default() };
    assert_eq!(hear(drops, usize::MAX).await.len(), 100);
    let silent = lab(Faults { silent_after_bytes: Some(50), ..Faults::default() }).await;
    let device = &silent.devices()[0];
    let mut stream = TcpStream::connect(device.address()).await.unwrap();
    stream.write_all(b"SSH-2.0-test\r\n").await.unwrap();
    let mut heard = [0; 50];
    stream.read_exact(&mut heard).await.unwrap();
    drop(stream);
    let seen = device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    assert_eq!(seen.bytes_sent, 50);
    let trickle = Duration::from_millis(2);
    let start = tokio::time::Instant::now();
    assert!(hear(Faults { trickle, ..Faults::default() }, 60).await.len() >= 60);
    assert!(start.elapsed() >= 50 * trickle);
}

#[tokio::test]
async fn a_connection_can_end_with_a_reset() {
    let drop = Some(Cut::in_output_of("show version", 16));
    let shown = lab(Faults { drop, resets: true, ..Faults::default() }).await;
    let device = &shown.devices()[0];
    let mut terminal = Terminal::open(device).await;
    terminal.read_until(PROMPT).await;
    terminal.send("show version\r").await;
    assert!(terminal.read_to_end().await.ends_with("FRRouting 8.4.4 "));
    // The library tells resets from ends only below the channel, so look at a plain stream too.
    let faults = Faults { drop_after_bytes: Some(10), resets: true, ..Faults::default() };
    let lab = lab(faults).await;
    let mut stream = TcpStream::connect(lab.devices()[0].address()).await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// The library takes the end of a connection for a refusal after which nothing is left to try.
fn is_cut_off(result: Result<AuthResult, russh::Error>) -> bool {
    match result {
        Ok(AuthResult::Failure { remaining_methods, .. }) => remaining_methods.is_empty(),
        Ok(AuthResult::Success) => false,
        Err(_) => true,
    }
}

#[tokio::test]
async fn requests_to_log_in_can_meet_silence_or_the_end() {
    let quiet = lab(Faults { authentication: Authentication::Silent, ..Faults::default() }).await;
    let device = &quiet.devices()[0];
    let mut client = connect(device).await;
    let asking = client.authenticate_password("lab", "lab-password");
    let limit = Duration::from_millis(300);
    assert!(tokio::time::timeout(limit, asking).await.is_err());
    assert_eq!(device.observed().password_attempts, 1);
    drop(client);
    device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    let lab = lab(Faults { authentication: Authentication::Closes, ..Faults::default() }).await;
    let mut client = connect(&lab.devices()[0]).await;
    assert!(is_cut_off(client.authenticate_password("lab", "lab-password").await));
    let seen = lab.devices()[0].wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    assert_eq!((seen.password_attempts, seen.logins_succeeded), (1, 0));
}

#[tokio::test]
async fn a_client_that_was_refused_often_enough_is_disconnected() {
    let lab = lab(Faults { max_auth_attempts: Some(2), ..Faults::default() }).await;
    let mut client = connect(&lab.devices()[0]).await;
    for _ in 0..2 {
        assert!(!client.authenticate_password("lab", "wrong").await.unwrap().success());
    }
    assert!(is_cut_off(client.authenticate_password("lab", "lab-password").await));
    assert_eq!(lab.devices()[0].observed().password_attempts, 2);
}

#[tokio::test]
async fn a_banner_of_a_megabyte_is_sent_and_no_client_has_to_take_it() {
    let lab = lab(Faults { auth_banner_bytes: Some(1 << 20), ..Faults::default() }).await;
    let mut client = connect(&lab.devices()[0]).await;
    assert!(is_cut_off(client.authenticate_password("lab", "lab-password").await));
    let device = &lab.devices()[0];
    device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    assert!(device.observed().bytes_sent > 1 << 16);
}

#[tokio::test]
async fn channels_beyond_the_limit_are_refused() {
    let lab = lab(Faults { max_sessions: Some(1), ..Faults::default() }).await;
    let client = log_in(&lab.devices()[0]).await;
    let first = client.channel_open_session().await.unwrap();
    assert!(client.channel_open_session().await.is_err());
    first.close().await.unwrap();
    // The slot is free again once the device has heard of it.
    let mut again = client.channel_open_session().await;
    while again.is_err() {
        again = client.channel_open_session().await;
    }
}

#[tokio::test]
async fn a_device_can_say_goodbye_in_mid_output_or_lose_power() {
    let cut = || Some(Cut::in_output_of("show version", 16));
    let leaving = lab(Faults { disconnect: cut(), ..Faults::default() }).await;
    let mut terminal = Terminal::open(&leaving.devices()[0]).await;
    terminal.read_until(PROMPT).await;
    terminal.send("show version\r").await;
    assert!(terminal.read_to_end().await.ends_with("FRRouting 8.4.4 "));
    let lost = lab(Faults { vanish: cut(), ..Faults::default() }).await;
    let mut terminal = Terminal::open(&lost.devices()[0]).await;
    terminal.read_until(PROMPT).await;
    terminal.send("show version\r").await;
    terminal.read_until("FRRouting 8.4.4 ").await;
    // Nothing below the shell answers either.
    let ping = terminal.client.send_ping();
    assert!(tokio::time::timeout(Duration::from_millis(300), ping).await.is_err());
}

#[tokio::test]
async fn keepalives_can_go_unanswered_while_commands_are_not() {
    let lab = lab(Faults { ignores_keepalives: true, ..Faults::default() }).await;
    let device = &lab.devices()[0];
    let mut terminal = Terminal::open(device).await;
    terminal.read_until(PROMPT).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut ping = Box::pin(terminal.client.send_ping());
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut ping).await.is_err());
    drop(ping);
    assert!(terminal.run("show version", PROMPT).await.contains("FRRouting"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(terminal.run("show version", PROMPT).await.contains("FRRouting"));
}

#[tokio::test]
async fn new_keys_in_mid_output_change_nothing() {
    let text = "0123456789abcde\n".repeat(4096);
    let device = LabDevice::new("r1", "frr").command("show flood", text.clone());
    let faults = Faults { rekey_every_bytes: Some(5000), ..Faults::default() };
    let lab = lab_with(device.faults(faults)).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    terminal.read_until(PROMPT).await;
    let shown = terminal.run("show flood", PROMPT).await.replace('\r', "");
    assert_eq!(shown, format!("show flood\n{text}{PROMPT}"));
}

#[tokio::test]
async fn a_restricted_device_agrees_on_what_it_knows_and_on_nothing_else() {
    let old = Algorithms {
        kex: vec!["diffie-hellman-group14-sha1".to_owned()],
        host_key: vec!["ssh-rsa".to_owned()],
        cipher: vec!["aes128-cbc".to_owned()],
        mac: vec!["hmac-sha1".to_owned()],
    };
    let ident = "SSH-1.99-Cisco-1.25";
    let device = LabDevice::new("r1", "frr").host_key(HostKey::Rsa(1024)).ident(ident);
    let lab = lab_with(device.algorithms(old)).await;
    let device = &lab.devices()[0];
    let refused = try_connect(device, client::Config::default()).await;
    assert!(matches!(refused, Err(russh::Error::NoCommonAlgo { .. })));
    let preferred = russh::Preferred {
        kex: Cow::Borrowed(&[russh::kex::DH_G14_SHA1]),
        key: Cow::Borrowed(&[Algorithm::Rsa { hash: None }]),
        cipher: Cow::Borrowed(&[russh::cipher::AES_128_CBC]),
        mac: Cow::Borrowed(&[russh::mac::HMAC_SHA1]),
        ..russh::Preferred::default()
    };
    let config = client::Config { preferred, ..client::Config::default() };
    let mut client = try_connect(device, config).await.unwrap();
    assert!(client.authenticate_password("lab", "lab-password").await.unwrap().success());
    let unknown = Algorithms { mac: vec!["hmac-rot13".to_owned()], ..Algorithms::default() };
    let error = Lab::start(vec![LabDevice::new("r1", "frr").algorithms(unknown)]).await;
    assert_eq!(error.unwrap_err().to_string(), "`r1` cannot have the algorithm `hmac-rot13`");
}

#[cfg(feature = "legacy-ciphers")]
#[tokio::test]
async fn a_host_key_can_be_of_the_kind_dsa() {
    let lab = lab_with(LabDevice::new("r1", "frr").host_key(HostKey::Dsa)).await;
    let preferred =
        russh::Preferred { key: Cow::Borrowed(&[Algorithm::Dsa]), ..russh::Preferred::default() };
    let config = client::Config { preferred, ..client::Config::default() };
    assert!(try_connect(&lab.devices()[0], config).await.is_ok());
}

fn key(phrase: &str) -> PrivateKey {
    HostKey::Phrase(phrase.to_owned()).make().unwrap()
}

#[tokio::test]
async fn a_certificate_lets_in_whom_its_authority_names() {
    let public = |key: &PrivateKey| key.public_key().to_openssh().unwrap();
    let device = LabDevice::new("r1", "frr")
        .auth(AuthPolicy::AnyOf(vec![AuthMethod::PublicKey]))
        .user_ca(public(&key("authority")));
    let lab = lab_with(device).await;
    for (authority, principal, let_in) in
        [("authority", "lab", true), ("authority", "eve", false), ("stranger", "lab", false)]
    {
        let user = key("user");
        let mut builder =
            Builder::new(vec![7; 16], user.public_key().key_data().clone(), 0, u64::MAX >> 1)
                .unwrap();
        builder.cert_type(CertType::User).unwrap();
        builder.valid_principal(principal).unwrap();
        let certificate = builder.sign(&key(authority)).unwrap();
        let mut client = connect(&lab.devices()[0]).await;
        let user = Arc::new(user);
        let result = client.authenticate_openssh_cert("lab", user, certificate).await.unwrap();
        assert_eq!(result.success(), let_in, "{authority} {principal}");
    }
    // The key alone opens nothing.
    let mut client = connect(&lab.devices()[0]).await;
    let bare = PrivateKeyWithHashAlg::new(Arc::new(key("user")), None);
    assert!(!client.authenticate_publickey("lab", bare).await.unwrap().success());
    let seen = lab.devices()[0].observed();
    assert_eq!((seen.certificate_attempts, seen.public_key_attempts), (3, 1));
}

#[tokio::test]
async fn a_device_may_know_sha1_only_behind_its_announcement() {
    let key = Arc::new(HostKey::Rsa(1024).make().unwrap());
    let device = LabDevice::new("r1", "frr")
        .auth(AuthPolicy::AnyOf(vec![AuthMethod::PublicKey]))
        .authorized_key(key.public_key().to_openssh().unwrap())
        .faults(Faults { rsa_sha1_only: true, ..Faults::default() });
    let lab = lab_with(device).await;
    for (hash, let_in) in [(Some(HashAlg::Sha256), false), (None, true)] {
        let mut client = connect(&lab.devices()[0]).await;
        let announced = client.best_supported_rsa_hash().await.unwrap();
        assert_eq!(announced, Some(Some(HashAlg::Sha512)));
        let key = PrivateKeyWithHashAlg::new(Arc::clone(&key), hash);
        let result = client.authenticate_publickey("lab", key).await.unwrap();
        assert_eq!(matches!(result, AuthResult::Success), let_in);
    }
}

#[tokio::test]
async fn a_jump_host_leads_to_loopback_and_nowhere_else() {
    let devices = vec![
        LabDevice::new("jump", "frr").forwards(true),
        LabDevice::new("r1", "frr"),
        LabDevice::new("closed", "frr"),
    ];
    let lab = Lab::start(devices).await.unwrap();
    let [jump, r1, closed] = lab.devices() else { panic!("three devices") };
    let client = log_in(jump).await;
    let port = u32::from(r1.address().port());
    let tunnel = client.channel_open_direct_tcpip("127.0.0.1", port, "127.0.0.1", 0).await.unwrap();
    let config = Arc::new(client::Config::default());
    let stream = tunnel.into_stream();
    let mut inner = client::connect_stream(config, stream, trusting(r1)).await.unwrap();
    assert!(inner.authenticate_password("lab", "lab-password").await.unwrap().success());
    let mut terminal = Terminal::start(inner).await;
    terminal.read_until(PROMPT).await;
    assert!(terminal.run("show version", PROMPT).await.contains("FRRouting"));
    // A shell of the jump host itself lives beside the tunnel, and neither hears the other.
    let mut beside = Terminal::start(client).await;
    beside.read_until("jump# ").await;
    assert!(terminal.run("show version", PROMPT).await.contains("FRRouting"));
    for (host, port) in [("192.0.2.1", 22), ("localhost", 1), ("example.net", 22)] {
        assert!(beside.client.channel_open_direct_tcpip(host, port, "127.0.0.1", 0).await.is_err());
    }
    assert_eq!(jump.observed().forwarded, 1);
    let no_host = log_in(closed).await;
    assert!(no_host.channel_open_direct_tcpip("127.0.0.1", port, "127.0.0.1", 0).await.is_err());
    drop((terminal, beside));
    r1.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn a_device_can_be_reached_over_any_stream() {
    let lab = Lab::prepare(vec![LabDevice::new("r1", "frr")]).unwrap();
    let device = &lab.devices()[0];
    let (near, far) = tokio::io::duplex(4096);
    let using = async {
        let config = Arc::new(client::Config::default());
        let mut client = client::connect_stream(config, near, trusting(device)).await.unwrap();
        assert!(client.authenticate_password("lab", "lab-password").await.unwrap().success());
        let mut terminal = Terminal::start(client).await;
        terminal.read_until(PROMPT).await;
    };
    tokio::join!(device.serve(far), using);
    assert_eq!((device.observed().connections, device.observed().open_connections), (1, 0));
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn many_devices_share_what_they_can() {
    let lab = Lab::start(Lab::many(3, Personality::builtin("frr").unwrap())).await.unwrap();
    let names: Vec<&str> = lab.devices().iter().map(RunningDevice::name).collect();
    assert_eq!(names, ["r0001", "r0002", "r0003"]);
    let keys: HashSet<&str> = lab.devices().iter().map(RunningDevice::fingerprint).collect();
    assert_eq!(keys.len(), 3);
    let mut terminal = Terminal::open(&lab.devices()[2]).await;
    terminal.read_until("r0003# ").await;
    lab.stop().await.unwrap();
}
