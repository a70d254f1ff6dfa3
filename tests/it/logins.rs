//! Logging in over real SSH: what is sent, in which order, and what is never sent twice.

use tempfile::TempDir;
use vty_mcp::inventory::{self, Device, LoadOptions};
use vty_mcp::lab::{AuthMethod, AuthPolicy, Challenge, Lab, LabDevice, Observed};
use vty_mcp::platform::Platforms;
use vty_mcp::transport::{Connection, Dialer, TransportError};

use crate::support::{SOON, credentials, dialer};

/// A device, its entry in the inventory, and what dials it.
struct Server {
    lab: Lab,
    device: Device,
    dialer: Dialer,
    /// Holds the recorded host keys and the files that the inventory names.
    directory: TempDir,
}

impl Server {
    async fn start(device: LabDevice) -> Self {
        Self::start_with(device, |_, _| {}).await
    }

    /// Starts a device and lets a test change its `auth`.
    async fn start_with(
        device: LabDevice,
        change: impl FnOnce(&mut serde_json::Value, &TempDir),
    ) -> Self {
        let lab = Lab::start(vec![device]).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut text = lab.inventory();
        change(&mut text["devices"]["r1"]["auth"], &directory);
        let platforms = Platforms::embedded();
        let options = LoadOptions {
            resolve_platform: &|name| platforms.resolve(name),
            platform_names: Vec::new(),
            strict_files: false,
            allow_proxy_commands: false,
        };
        let origin = directory.path().join("devices.json");
        let loaded = inventory::parse(&text.to_string(), &origin, &options).unwrap();
        let device = loaded.inventory.device("r1").unwrap().clone();
        let dialer = dialer(directory.path());
        Self { lab, device, dialer, directory }
    }

    async fn log_in(&self) -> Result<Connection, TransportError> {
        let login = credentials().login(&self.device).await.unwrap();
        let reached = self.dialer.reach(&self.device, None).await?;
        let acknowledged = |question: &str| question.contains("acknowledge").then(|| "yes".into());
        Box::pin(reached.log_in(&login, &acknowledged)).await
    }

    fn seen(&self) -> Observed {
        self.lab.device("r1").unwrap().observed()
    }

    async fn stop(self) {
        self.lab
            .device("r1")
            .unwrap()
            .wait_for(SOON, |seen| seen.open_connections == 0)
            .await
            .unwrap();
        self.lab.stop().await.unwrap();
        drop(self.directory);
    }
}

fn device() -> LabDevice {
    LabDevice::new("r1", "frr").password("right")
}

fn all_of(methods: &[AuthMethod]) -> AuthPolicy {
    AuthPolicy::AllOf(methods.to_vec())
}

/// Logs in and out; the login must succeed.
async fn check(device: LabDevice) -> Observed {
    let server = Server::start(device).await;
    server.log_in().await.unwrap().close().await;
    let seen = server.seen();
    server.stop().await;
    seen
}

#[tokio::test]
async fn a_server_that_asks_instead_gets_the_password_as_an_answer() {
    let asks = device().auth(AuthPolicy::AnyOf(vec![AuthMethod::KeyboardInteractive]));
    let server = Server::start(asks).await;
    for _ in 0..3 {
        server.log_in().await.unwrap().close().await;
    }
    // One answer each; the first login learned that `password` is not offered, and the others did
    // without trying it.
    assert_eq!(server.seen().password_attempts, 4);
    server.stop().await;
}

#[tokio::test]
async fn a_banner_is_acknowledged_and_further_rounds_are_answered() {
    let rounds = vec![
        vec![Challenge::shown("Do you accept and acknowledge the statement? (yes/no) : ", "yes")],
        vec![],
        vec![Challenge::shown("Username: ", "lab"), Challenge::hidden("Password: ", "right")],
    ];
    let policy = AuthPolicy::AnyOf(vec![AuthMethod::KeyboardInteractive]);
    check(device().auth(policy).challenges(rounds)).await;
}

#[tokio::test]
async fn a_second_method_is_served_with_the_same_password() {
    check(device().auth(all_of(&[AuthMethod::Password, AuthMethod::KeyboardInteractive]))).await;
    check(device().auth(all_of(&[AuthMethod::KeyboardInteractive, AuthMethod::Password]))).await;
}

#[tokio::test]
async fn a_refused_password_is_sent_once_by_one_method() {
    let both = AuthPolicy::AnyOf(vec![AuthMethod::Password, AuthMethod::KeyboardInteractive]);
    let policies = [
        (AuthPolicy::AnyOf(vec![AuthMethod::Password]), 1),
        (both, 1),
        // Asked by a question, since `password` itself is not offered.
        (AuthPolicy::AnyOf(vec![AuthMethod::KeyboardInteractive]), 2),
    ];
    for (policy, attempts) in policies {
        let wrong = |auth: &mut serde_json::Value, _: &TempDir| {
            auth["password"] = "wrong".into();
        };
        let server = Server::start_with(device().auth(policy.clone()), wrong).await;
        let error = server.log_in().await.unwrap_err();
        assert!(matches!(error, TransportError::AuthRefused { .. }), "{policy:?}: {error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
        let seen = server.seen();
        assert_eq!(seen.logins_attempted, attempts, "{policy:?}");
        assert_eq!(seen.logins_succeeded, 0);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_question_nobody_has_an_answer_to_is_told_and_left() {
    let rounds = vec![
        vec![Challenge::hidden("Password: ", "right")],
        vec![Challenge::hidden("Verification code: ", "123456")],
    ];
    let policy = AuthPolicy::AnyOf(vec![AuthMethod::KeyboardInteractive]);
    let server = Server::start(device().auth(policy).challenges(rounds)).await;
    let error = server.log_in().await.unwrap_err();
    let TransportError::Question { question } = &error else { panic!("{error}") };
    assert_eq!(question, "Verification code:");
    server.stop().await;
}

#[tokio::test]
async fn an_answer_of_the_operator_is_given_once_to_a_question_that_is_hidden() {
    let rounds = vec![
        vec![Challenge::hidden("PIN: ", "right")],
        vec![Challenge::hidden("PIN: ", "right")],
        vec![Challenge::hidden("PIN: ", "right")],
    ];
    let policy = AuthPolicy::AnyOf(vec![AuthMethod::KeyboardInteractive]);
    let pin = |auth: &mut serde_json::Value, _: &TempDir| {
        auth["answers"] = serde_json::json!([{ "prompt": "PIN", "answer": "right" }]);
    };
    let server = Server::start_with(device().auth(policy).challenges(rounds), pin).await;
    let error = server.log_in().await.unwrap_err();
    assert!(matches!(error, TransportError::AuthRefused { .. }), "{error}");
    // The password by a method that is not offered, and the answer once.
    assert_eq!(server.seen().password_attempts, 2);
    server.stop().await;
}

#[tokio::test]
async fn a_password_that_was_accepted_is_no_second_factor() {
    let rounds = vec![vec![Challenge::hidden("Verification code: ", "123456")]];
    let policy = all_of(&[AuthMethod::Password, AuthMethod::KeyboardInteractive]);
    let server = Server::start(device().auth(policy).challenges(rounds)).await;
    let error = server.log_in().await.unwrap_err();
    assert!(matches!(error, TransportError::Question { .. }), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn what_a_server_offered_once_is_asked_again_before_it_is_believed() {
    let keys_only = device().auth(AuthPolicy::AnyOf(vec![AuthMethod::PublicKey]));
    let server = Server::start(keys_only).await;
    assert!(server.log_in().await.is_err());
    let port = server.device.port;
    server.lab.stop_device("r1").await.unwrap();
    let again = Lab::start(vec![device().port(port)]).await.unwrap();
    std::fs::remove_file(server.directory.path().join("known_hosts")).unwrap();
    server.log_in().await.unwrap().close().await;
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_demand_for_a_new_password_gets_none() {
    // The second is what PAM says where an administrator wants a change.
    let demands = [
        "New password: ",
        "You are required to change your password immediately (administrator enforced).\n\
         Changing password for lab.\nCurrent password: ",
    ];
    for demand in demands {
        let rounds = vec![
            vec![Challenge::hidden("Password: ", "right")],
            vec![Challenge::hidden(demand, "never")],
        ];
        let policy = AuthPolicy::AnyOf(vec![AuthMethod::KeyboardInteractive]);
        let server = Server::start(device().auth(policy).challenges(rounds)).await;
        let error = server.log_in().await.unwrap_err();
        assert!(matches!(error, TransportError::PasswordExpired { .. }), "{error}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_password_is_no_answer_where_only_keys_are_taken() {
    let server = Server::start(device().auth(AuthPolicy::AnyOf(vec![AuthMethod::PublicKey]))).await;
    let error = server.log_in().await.unwrap_err();
    let TransportError::AuthMethod { offered, .. } = &error else { panic!("{error}") };
    assert_eq!(offered, "publickey");
    server.stop().await;
}

#[tokio::test]
async fn the_methods_and_the_algorithms_of_a_server_are_told_without_a_login() {
    let server = Server::start(device()).await;
    let reached = server.dialer.reach(&server.device, None).await.unwrap();
    let handshake = reached.handshake().clone();
    assert!(handshake.host_key.first_contact);
    assert_eq!(handshake.chosen.key_exchange, "curve25519-sha256");
    assert_eq!(handshake.chosen.weak(), Vec::<&str>::new());
    let offer = handshake.offer.unwrap();
    assert!(offer.key_exchange.contains(&handshake.chosen.key_exchange), "{offer:?}");
    assert!(offer.cipher.contains(&handshake.chosen.cipher), "{offer:?}");
    assert_eq!(reached.offered_methods("lab").await.unwrap(), ["password"]);
    assert_eq!(server.seen().password_attempts, 0);
    server.stop().await;
}
