//! The part of the parse benchmark that is ours: it runs jobs, or uses every template once, and
//! prints one line of JSON. `benches/parse.py` asks Python for the same and prints the table.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints and may panic"
)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use vty_mcp::parse::catalogue::{CACHED_TEMPLATES, Catalogue};
use vty_mcp::parse::textfsm::Template;

/// An output to parse; Python gets the same.
#[derive(serde::Deserialize)]
struct Job {
    platform: String,
    command: String,
    templates: Vec<String>,
    output: PathBuf,
}

#[derive(serde::Serialize)]
struct Measured {
    /// The best time of all rounds with the template compiled, through the catalogue.
    warm_s: Vec<f64>,
    /// The time to read and compile the template and to parse for the first time.
    cold_s: Vec<f64>,
    records: Vec<usize>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["measure", templates, jobs, rounds] => {
            let measured = measure(Path::new(templates), &read_jobs(jobs), rounds.parse().unwrap());
            println!("{}", serde_json::to_string(&measured).unwrap());
        }
        ["memory", templates, jobs] => {
            println!("{}", memory(Path::new(templates), &read_jobs(jobs)));
        }
        _ => println!("run by benches/parse.py"),
    }
}

fn read_jobs(path: &str) -> Vec<Job> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn catalogue(templates: &Path) -> Catalogue {
    let templates = templates.to_owned();
    let index = std::fs::read_to_string(templates.join("index")).unwrap();
    Catalogue::from_files(index, move |name| std::fs::read_to_string(templates.join(name)).ok())
}

fn measure(templates: &Path, jobs: &[Job], rounds: usize) -> Measured {
    let catalogue = catalogue(templates);
    let mut measured = Measured { warm_s: vec![], cold_s: vec![], records: vec![] };
    for job in jobs {
        let output = std::fs::read_to_string(&job.output).unwrap();
        let start = Instant::now();
        for name in &job.templates {
            let text = std::fs::read_to_string(templates.join(name)).unwrap();
            let template = Template::read(name, &text).unwrap();
            black_box(template.run(&output).unwrap());
        }
        measured.cold_s.push(start.elapsed().as_secs_f64());
        let parse = || catalogue.parse(&job.platform, &job.command, &output).unwrap();
        measured.records.push(parse().records.len());
        let times = (0..rounds).map(|_| {
            let start = Instant::now();
            black_box(parse());
            start.elapsed().as_secs_f64()
        });
        measured.warm_s.push(times.fold(f64::MAX, f64::min));
    }
    measured
}

/// Uses every template once, keeping as many as a catalogue does, and gives what memory that took.
fn memory(templates: &Path, jobs: &[Job]) -> serde_json::Value {
    let names = catalogue(templates).names().unwrap();
    let before = resident("VmRSS");
    let mut with_output = 0;
    let mut kept = VecDeque::new();
    for name in &names {
        let job = jobs.iter().find(|job| job.templates.contains(name));
        with_output += usize::from(job.is_some());
        let output = job.map(|job| std::fs::read_to_string(&job.output).unwrap());
        // Without an output, a line that no rule knows makes all rules of the first state compile.
        let output = output.unwrap_or_else(|| "~ nobody says this ~\n".repeat(3));
        let text = std::fs::read_to_string(templates.join(name)).unwrap();
        let template = Template::read(name, &text).unwrap();
        drop(template.run(&output));
        kept.push_back(template);
        if kept.len() > CACHED_TEMPLATES {
            kept.pop_front();
        }
    }
    serde_json::json!({
        "templates": names.len(),
        "with_output": with_output,
        "before_mb": before,
        "after_mb": resident("VmRSS"),
        "most_mb": resident("VmHWM"),
    })
}

/// A figure of the process in MB; 0 where there is no such thing.
fn resident(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
