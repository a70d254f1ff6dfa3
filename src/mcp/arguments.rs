//! Tool arguments: deserialised with the path of what is wrong, and strict about unknown names.

use rmcp::ErrorData;
use rmcp::handler::server::common::FromContextPart;
use rmcp::handler::server::tool::ToolCallContext;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The arguments of a tool call.
pub(super) struct Args<T>(pub(super) T);

impl<S, T: DeserializeOwned> FromContextPart<ToolCallContext<'_, S>> for Args<T> {
    fn from_context_part(context: &mut ToolCallContext<'_, S>) -> Result<Self, ErrorData> {
        let arguments = Value::Object(context.arguments.take().unwrap_or_default());
        serde_path_to_error::deserialize(arguments).map(Self).map_err(|error| {
            // The router turns an error with exactly this beginning into a tool result, so that
            // the model sees it and can correct itself.
            let text =
                format!("failed to deserialize parameters: `{}`: {}", error.path(), error.inner());
            ErrorData::invalid_params(text, None)
        })
    }
}
