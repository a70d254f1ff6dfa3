//! The shapes of tool results.

use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::json;

use super::text;
use crate::operations::Failure;

/// A result with structured content, and the same as text.
pub(super) fn structured<T: Serialize>(value: &T) -> CallToolResult {
    match serde_json::to_value(value) {
        Ok(value) => CallToolResult::structured(value),
        Err(error) => {
            tracing::error!(%error, "a result cannot be written as JSON");
            CallToolResult::error(vec![ContentBlock::text("error code=internal")])
        }
    }
}

pub(super) fn failed(failure: &Failure) -> CallToolResult {
    let mut result = CallToolResult::structured_error(json!({ "errors": [failure] }));
    result.content = vec![ContentBlock::text(text::failure(failure, &nonce()))];
    result
}

/// A word that the text of a device cannot foresee.
pub(super) fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect()
}
