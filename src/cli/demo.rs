//! `vty-mcp demo`: a real MCP client, this program as its server, and simulated devices.
//!
//! Every step checks what came back, so the demo fails visibly when something does not work.

use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig, ContentBlock};
use rmcp::service::RunningService;
use rmcp::transport::TokioChildProcess;
use rmcp::{RoleClient, ServiceExt};
use serde_json::{Value, json};

use super::args;
use super::lab::LabInventory;
use super::{CliError, Exit, output};

/// Most lines of an answer that are shown.
const SHOWN_LINES: usize = 12;

type Client = RunningService<RoleClient, ClientConfig>;

/// Shows the whole way.
pub(super) async fn demo(arguments: args::Demo) -> Result<Exit, CliError> {
    output::answer("Starting simulated devices and `vty-mcp serve`, then talking MCP to it.\n")?;
    let running = LabInventory::start().await?;
    let client = connect(&running).await?;
    let result = show(&client, &running, arguments.kill.as_deref()).await;
    // The server ends when its client leaves.
    if let Err(error) = client.cancel().await {
        tracing::debug!(%error, "the client did not end cleanly");
    }
    running.stop().await?;
    result?;
    output::answer(
        "\nThe demo worked. Next: write a devices.json (see devices.example.json), then\n  \
         vty-mcp check\n  vty-mcp run DEVICE 'show version'\n",
    )?;
    Ok(Exit::Ok)
}

async fn connect(running: &LabInventory) -> Result<Client, CliError> {
    let program = std::env::current_exe()?;
    let mut command = tokio::process::Command::new(program);
    command
        .args(["serve", "--settings"])
        .arg(running.settings())
        .arg("-f")
        .arg(running.inventory())
        .arg("--state-dir")
        .arg(running.directory().join("state"));
    let transport = TokioChildProcess::new(command)?;
    ClientConfig::default()
        .serve(transport)
        .await
        .map_err(|error| CliError::Failed(format!("the server did not start: {error}")))
}

async fn show(client: &Client, running: &LabInventory, kill: Option<&str>) -> Result<(), CliError> {
    let tools = client.list_all_tools().await.map_err(|error| failed(&error))?;
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    heading(&format!("The server's tools: {}", names.join(", ")))?;

    let list = call(client, "list_devices", json!({})).await?;
    let devices = list.pointer("/devices").and_then(Value::as_array).cloned().unwrap_or_default();
    for device in &devices {
        let word = |key: &str| device.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
        output::answer(&format!(
            "  {:<10} {:<14} {}:{}\n",
            word("name"),
            word("platform"),
            word("address"),
            device.get("port").cloned().unwrap_or_default()
        ))?;
    }
    if devices.len() != running.lab().devices().len() {
        return Err(CliError::Failed("list_devices does not show every device".to_owned()));
    }
    if let Some(name) = kill {
        running.lab().stop_device(name).await.map_err(CliError::Lab)?;
    }
    let names: Vec<&str> =
        devices.iter().filter_map(|device| device.get("name").and_then(Value::as_str)).collect();

    let arguments = json!({ "devices": names, "commands": ["show version"] });
    let text = call_text(client, "run_commands", arguments, Outcome::Works).await?;
    print(&text)?;

    let arguments = json!({ "devices": ["ios-r1"], "command": "show ip bgp summary" });
    let result = call(client, "query_devices", arguments).await?;
    print_records(&result)?;

    let program = ".[] | {device, bgp_neighbor, neighbor_as, up_down}";
    let arguments = json!({ "devices": ["ios-r1", "eos-sw1", "frr-r1"], "command": "show ip bgp summary", "select": program });
    let result = call(client, "query_devices", arguments).await?;
    print_table(&result)?;

    let arguments = json!({ "devices": ["ios-r1"], "commands": ["show running-config | include password|secret"] });
    let text = call_text(client, "run_commands", arguments, Outcome::Works).await?;
    if !text.contains("<secret:") {
        return Err(CliError::Failed("a secret was not replaced".to_owned()));
    }
    print(&text)?;

    let arguments = json!({ "devices": ["ios-r1"], "commands": ["reload"] });
    let text = call_text(client, "run_commands", arguments, Outcome::IsRefused).await?;
    Ok(print(&text)?)
}

/// What a step must lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Works,
    IsRefused,
}

async fn call(client: &Client, tool: &str, arguments: Value) -> Result<Value, CliError> {
    let result = call_raw(client, tool, arguments).await?;
    match result.structured_content {
        Some(value) if result.is_error != Some(true) => Ok(value),
        _ => Err(CliError::Failed(format!("{tool} failed:\n{}", text_of(&result.content)))),
    }
}

async fn call_text(
    client: &Client,
    tool: &str,
    arguments: Value,
    outcome: Outcome,
) -> Result<String, CliError> {
    let result = call_raw(client, tool, arguments).await?;
    let text = text_of(&result.content);
    // A device that fails stands in the text, beside the answers of the others.
    let mut inside = false;
    let went_wrong = text.lines().any(|line| {
        inside = (inside || line.starts_with("<output-")) && !line.starts_with("</output-");
        !inside && line.starts_with("error code=")
    });
    if went_wrong == (outcome == Outcome::IsRefused) {
        Ok(text)
    } else {
        Err(CliError::Failed(format!("{tool} did not do what it must:\n{text}")))
    }
}

async fn call_raw(
    client: &Client,
    tool: &str,
    arguments: Value,
) -> Result<CallToolResult, CliError> {
    heading(&format!("{tool} {arguments}"))?;
    let mut request = CallToolRequestParams::new(tool.to_owned());
    if let Value::Object(arguments) = arguments {
        request = request.with_arguments(arguments);
    }
    client.call_tool(request).await.map_err(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> CliError {
    CliError::Failed(format!("the server did not answer: {}", crate::error::chain(error)))
}

fn text_of(content: &[ContentBlock]) -> String {
    content.iter().filter_map(|block| block.as_text()).map(|text| text.text.as_str()).collect()
}

fn heading(text: &str) -> std::io::Result<()> {
    output::answer(&format!("\n> {text}\n"))
}

/// Prints the beginning of each answer.
fn print(text: &str) -> std::io::Result<()> {
    let mut shown = 0_usize;
    for line in text.lines() {
        let fence = line.starts_with("<output-") || line.starts_with("</output-");
        shown = if fence { 0 } else { shown.saturating_add(1) };
        if shown == SHOWN_LINES {
            output::answer("  …\n")?;
        } else if shown < SHOWN_LINES {
            output::answer(&format!("  {line}\n"))?;
        }
    }
    Ok(())
}

fn print_records(result: &Value) -> Result<(), CliError> {
    let devices = result.pointer("/devices").and_then(Value::as_array);
    for device in devices.into_iter().flatten() {
        let records = device.get("records").and_then(Value::as_array).cloned().unwrap_or_default();
        if records.is_empty() {
            return Err(CliError::Failed(format!("no records came back: {device:#}")));
        }
        for record in records {
            output::answer(&format!("  {record}\n"))?;
        }
    }
    Ok(())
}

/// Prints a table over several devices, each of which must have answered.
fn print_table(result: &Value) -> Result<(), CliError> {
    let devices = result.pointer("/devices").and_then(Value::as_array);
    for device in devices.into_iter().flatten() {
        if device.get("status").and_then(Value::as_str) != Some("parsed") {
            return Err(CliError::Failed(format!("no records came back: {device:#}")));
        }
    }
    let rows = result.pointer("/table/rows").and_then(Value::as_array);
    for row in result.pointer("/table/columns").into_iter().chain(rows.into_iter().flatten()) {
        let cells = row.as_array().into_iter().flatten().map(|cell| match cell {
            Value::String(text) => format!("{text:<14}"),
            other => format!("{:<14}", other.to_string()),
        });
        output::answer(&format!("  {}\n", cells.collect::<String>().trim_end()))?;
    }
    Ok(())
}
