//! A session with a device that sends any bytes: it ends, and only a prompt makes an answer.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::sync::CancellationToken;
use vty_mcp::platform::{Platform, Platforms};
use vty_mcp::policy::permit_read;
use vty_mcp::session::{Limits, LoginSecrets, Session};

static PLATFORM: LazyLock<Arc<Platform>> = LazyLock::new(|| {
    let platforms = Platforms::embedded();
    platforms.get(&platforms.resolve("frr").unwrap()).unwrap()
});

/// Plays a device of any bytes, the first two of which choose how. NUL stands between the answers
/// to the lines that the device is sent.
pub(crate) fn check(data: &[u8]) {
    let Some((&[cut, how], bytes)) = data.split_first_chunk() else { return };
    let answers: Vec<Vec<u8>> = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let cut = usize::from(cut % 64) + 1;
    let greets = how & 1 == 1;
    let wild = Device { greets, then: Then::Anything(answers), cut };
    let (first, _) = play(wild);
    if let Ok(text) = first.answer {
        // Every prompt of this platform ends in one of these.
        let prompts = first.sent.iter().filter(|byte| matches!(byte, b'#' | b'>')).count();
        assert!(prompts > 0, "{text:?} was taken for an answer");
    }

    // A device that shows its prompt only at the end of an answer is understood, however its
    // bytes are cut, and stays in step.
    let noise: Vec<u8> = bytes.iter().copied().filter(|byte| !b"#>\0".contains(byte)).collect();
    let tame = |cut| Device { greets: true, then: Then::Noise(noise.clone()), cut };
    let (whole, next) = play(tame(usize::MAX));
    let (pieces, _) = play(tame(cut));
    assert_eq!(whole.answer, pieces.answer, "cuts matter");
    if whole.answer.is_ok() {
        assert_eq!(next.as_deref(), Some("ok\n"), "the next answer is not its own");
    }
}

struct Device {
    /// Whether its login is as it should be; otherwise that is noise, too.
    greets: bool,
    then: Then,
    /// How many bytes it writes at a time.
    cut: usize,
}

enum Then {
    /// An answer for each line, then silence.
    Anything(Vec<Vec<u8>>),
    /// Echo, noise and a prompt for the first command; good answers to everything else.
    Noise(Vec<u8>),
}

struct Outcome {
    answer: Result<String, String>,
    /// What the device sent that may hold the prompt that ended the answer.
    sent: Vec<u8>,
}

/// Opens a session, runs a command and, after a good answer, another.
fn play(device: Device) -> (Outcome, Option<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let limits = Limits {
        prompt_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(30),
        command_timeout: Duration::from_secs(120),
        output_limit: 1 << 16,
    };
    let secrets = LoginSecrets { username: "admin".to_owned(), password: None, enable: None };
    runtime.block_on(async {
        let (near, far) = tokio::io::duplex(1 << 16);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let device = tokio::spawn(device.perform(far, Arc::clone(&sent)));
        let mut next = None;
        let cancel = CancellationToken::new();
        let command = |text| permit_read(&PLATFORM, text).unwrap();
        let answer = match Session::open(near, Arc::clone(&PLATFORM), secrets, limits).await {
            Err(error) => Err(error.to_string()),
            Ok(mut session) => {
                sent.lock().unwrap().clear();
                let answer = session.run(&command("show zebra"), &cancel).await;
                if answer.is_ok() {
                    let second = session.run(&command("show version"), &cancel).await;
                    next = Some(second.map_or_else(|e| e.to_string(), |output| output.text));
                }
                answer.map(|output| output.text).map_err(|error| error.to_string())
            }
        };
        // A device that panicked is a failure of this file.
        device.await.unwrap();
        let sent = sent.lock().unwrap().clone();
        (Outcome { answer, sent }, next)
    })
}

impl Device {
    async fn perform(self, mut far: DuplexStream, sent: Arc<Mutex<Vec<u8>>>) {
        let mut line = Vec::new();
        let mut told = 0;
        let mut asked = false;
        if self.greets {
            self.write(&mut far, b"r1# ", &sent).await;
        }
        while let Ok(byte) = far.read_u8().await {
            line.push(byte);
            if !matches!(byte, b'\n' | 3) {
                continue;
            }
            let typed = String::from_utf8_lossy(&line).replace('\n', "");
            let prompt = format!("{typed}\r\nr1# ").into_bytes();
            let login = self.greets && !asked && !typed.starts_with("show");
            asked = asked || typed.starts_with("show");
            let answer = match &self.then {
                Then::Anything(answers) if !login => {
                    told += 1;
                    answers.get(told - 1).cloned().unwrap_or_default()
                }
                Then::Noise(noise) if typed == "show zebra" => {
                    [b"show zebra\r\n", noise.as_slice(), b"\r\nr1# "].concat()
                }
                Then::Noise(_) if typed == "show version" => b"show version\r\nok\r\nr1# ".to_vec(),
                Then::Anything(_) | Then::Noise(_) => prompt,
            };
            self.write(&mut far, &answer, &sent).await;
            line.clear();
        }
    }

    async fn write(&self, far: &mut DuplexStream, bytes: &[u8], sent: &Mutex<Vec<u8>>) {
        for piece in bytes.chunks(self.cut) {
            sent.lock().unwrap().extend(piece);
            if far.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}
