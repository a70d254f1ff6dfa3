//! A plain SSH client that shares nothing with the driver either.

use std::sync::Arc;

use russh::client::{self, AuthResult, Handle};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};

use super::super::RunningDevice;
use super::SOON;

pub(super) struct Trusting {
    fingerprint: String,
}

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        Ok(key.fingerprint(HashAlg::Sha256).to_string() == self.fingerprint)
    }
}

pub(super) async fn connect(device: &RunningDevice) -> Handle<Trusting> {
    try_connect(device, client::Config::default()).await.unwrap()
}

pub(super) async fn try_connect(
    device: &RunningDevice,
    config: client::Config,
) -> Result<Handle<Trusting>, russh::Error> {
    let config = client::Config { nodelay: true, ..config };
    client::connect(Arc::new(config), device.address(), trusting(device)).await
}

pub(super) fn trusting(device: &RunningDevice) -> Trusting {
    Trusting { fingerprint: device.fingerprint().to_owned() }
}

pub(super) async fn log_in(device: &RunningDevice) -> Handle<Trusting> {
    let mut client = connect(device).await;
    let result = client.authenticate_password(device.username(), device.password()).await.unwrap();
    assert!(result.success());
    client
}

pub(super) async fn offer_key(client: &mut Handle<Trusting>, key: &PrivateKey) -> AuthResult {
    let key = PrivateKeyWithHashAlg::new(Arc::new(key.clone()), None);
    client.authenticate_publickey("lab", key).await.unwrap()
}

/// A shell and everything it printed that was not asked for yet.
pub(super) struct Terminal {
    pub(super) client: Handle<Trusting>,
    channel: Channel<client::Msg>,
    seen: String,
}

impl Terminal {
    pub(super) async fn open(device: &RunningDevice) -> Self {
        Self::start(log_in(device).await).await
    }

    /// A shell on a connection that is logged in.
    pub(super) async fn start(client: Handle<Trusting>) -> Self {
        let channel = client.channel_open_session().await.unwrap();
        channel.request_pty(true, "vt100", 511, 1000, 0, 0, &[]).await.unwrap();
        channel.request_shell(true).await.unwrap();
        Self { client, channel, seen: String::new() }
    }

    pub(super) async fn send(&self, bytes: &str) {
        self.channel.data(bytes.as_bytes()).await.unwrap();
    }

    /// Reads until `end` stands at the end; everything read since the last call.
    pub(super) async fn read_until(&mut self, end: &str) -> String {
        let reading = async {
            while !self.seen.ends_with(end) {
                match self.channel.wait().await {
                    Some(ChannelMsg::Data { data }) => {
                        self.seen.push_str(std::str::from_utf8(&data).unwrap());
                    }
                    Some(_) => {}
                    None => return false,
                }
            }
            true
        };
        let found = tokio::time::timeout(SOON, reading).await;
        assert_eq!(found, Ok(true), "no {end:?} after {:?}", self.seen);
        std::mem::take(&mut self.seen)
    }

    /// Reads until `text` stands anywhere in what was printed.
    pub(super) async fn read_until_any(&mut self, text: &str) {
        let reading = async {
            while !self.seen.contains(text) {
                match self.channel.wait().await {
                    Some(ChannelMsg::Data { data }) => {
                        self.seen.push_str(std::str::from_utf8(&data).unwrap());
                    }
                    Some(_) => {}
                    None => return false,
                }
            }
            true
        };
        let found = tokio::time::timeout(SOON, reading).await;
        assert_eq!(found, Ok(true), "no {text:?} in {:?}", self.seen);
    }

    /// Reads until the channel or the connection is gone; what came before.
    pub(super) async fn read_to_end(&mut self) -> String {
        let reading = async {
            while let Some(message) = self.channel.wait().await {
                if let ChannelMsg::Data { data } = message {
                    self.seen.push_str(std::str::from_utf8(&data).unwrap());
                }
            }
        };
        tokio::time::timeout(SOON, reading).await.unwrap();
        std::mem::take(&mut self.seen)
    }

    pub(super) async fn run(&mut self, command: &str, prompt: &str) -> String {
        self.send(&format!("{command}\r")).await;
        self.read_until(prompt).await
    }

    /// The sizes of the packets up to `end`.
    pub(super) async fn packets_until(&mut self, end: &str) -> Vec<usize> {
        let mut sizes = Vec::new();
        while !self.seen.ends_with(end) {
            let message = tokio::time::timeout(SOON, self.channel.wait()).await.unwrap();
            if let Some(ChannelMsg::Data { data }) = message {
                sizes.push(data.len());
                self.seen.push_str(std::str::from_utf8(&data).unwrap());
            }
        }
        self.seen.clear();
        sizes
    }
}
