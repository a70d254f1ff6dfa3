//! The floor: the SSH library alone, which writes a command and reads until the prompt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::support::{shell, until_prompt};
use super::{COMMAND, LEAST, Work, measure};

/// How many handshakes go on at once.
const HANDSHAKES: usize = 64;

/// A device as the inventory describes it.
struct Device {
    address: SocketAddr,
    username: String,
    password: String,
    prompt: Vec<u8>,
}

fn devices(work: &Work) -> Vec<Device> {
    let text = std::fs::read_to_string(work.inventory()).unwrap();
    let inventory: Value = serde_json::from_str(&text).unwrap();
    let text =
        |entry: &Value, path: &str| entry.pointer(path).unwrap().as_str().unwrap().to_owned();
    let device = |(name, entry): (&String, &Value)| {
        let port = entry.pointer("/port").unwrap().as_u64().unwrap();
        Device {
            address: format!("{}:{port}", text(entry, "/address")).parse().unwrap(),
            username: text(entry, "/username"),
            password: text(entry, "/auth/password"),
            prompt: format!("\n{name}>").into_bytes(),
        }
    };
    let all = inventory.pointer("/devices").unwrap().as_object().unwrap();
    all.iter().take(work.devices).map(device).collect()
}

pub(super) async fn run(work: Work) {
    let start = Instant::now();
    let gate = Arc::new(Semaphore::new(HANDSHAKES));
    let mut opening = JoinSet::new();
    for device in devices(&work) {
        let gate = Arc::clone(&gate);
        opening.spawn(async move {
            let permit = gate.acquire_owned().await;
            let (handle, mut stream) =
                shell(device.address, &device.username, &device.password).await;
            until_prompt(&mut stream, &[&device.prompt], 0).await;
            drop(permit);
            stream.write_all(b"terminal length 0\n").await.unwrap();
            until_prompt(&mut stream, &[&device.prompt], 0).await;
            stream.write_all(format!("{COMMAND}\n").as_bytes()).await.unwrap();
            until_prompt(&mut stream, &[&device.prompt], LEAST).await;
            (handle, stream, device.prompt)
        });
    }
    let mut sessions = opening.join_all().await;
    let opened = start.elapsed();
    let open_cpu = measure::cpu();
    tokio::time::sleep(work.rest).await;
    let idle = measure::resident_mb();

    let mut walls = Vec::with_capacity(work.rounds);
    let before = measure::cpu();
    for _ in 0..work.rounds {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for (handle, mut stream, prompt) in sessions {
            running.spawn(async move {
                for _ in 0..work.commands {
                    stream.write_all(format!("{COMMAND}\n").as_bytes()).await.unwrap();
                    until_prompt(&mut stream, &[&prompt], LEAST).await;
                }
                (handle, stream, prompt)
            });
        }
        sessions = running.join_all().await;
        walls.push(start.elapsed().as_secs_f64());
    }
    let cpu = measure::cpu().saturating_sub(before);
    let result = json!({
        "open_s": opened.as_secs_f64(),
        "open_cpu_s": open_cpu.as_secs_f64(),
        "walls_s": walls,
        "cpu_s": cpu.as_secs_f64(),
        "idle_mb": idle,
        "peak_mb": measure::peak_mb(),
        "threads": measure::threads(),
        "sockets": measure::sockets(),
    });
    println!("{result}");
    drop(sessions);
}
