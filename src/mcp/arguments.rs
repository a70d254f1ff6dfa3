//! Tool arguments: deserialised with the path of what is wrong, and strict about unknown names.

use rmcp::ErrorData;
use rmcp::handler::server::common::FromContextPart;
use rmcp::handler::server::tool::ToolCallContext;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How the router knows an error that the model should see as a tool result.
pub(super) const UNREADABLE: &str = "failed to deserialize parameters: ";

/// The arguments of a tool call.
pub(super) struct Args<T>(pub(super) T);

impl<S, T: DeserializeOwned> FromContextPart<ToolCallContext<'_, S>> for Args<T> {
    fn from_context_part(context: &mut ToolCallContext<'_, S>) -> Result<Self, ErrorData> {
        let arguments = Value::Object(context.arguments.take().unwrap_or_default());
        serde_path_to_error::deserialize(arguments).map(Self).map_err(|error| {
            let text = format!("{UNREADABLE}`{}`: {}", error.path(), error.inner());
            ErrorData::invalid_params(text, None)
        })
    }
}
