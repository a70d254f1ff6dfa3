//! Use case: read on in an answer that was cut, or search it.

use regex::RegexBuilder;
use serde::Serialize;

use super::outputs::piece;
use super::{Failure, Operations};
use crate::caller::Caller;
use crate::error::ErrorCode;

/// Which part of a kept answer is asked for.
#[derive(Debug, Clone, Default)]
pub struct ReadRequest {
    /// The answer's name, from the result that was cut.
    pub output_id: String,
    /// Where to start, in bytes.
    pub offset: usize,
    /// Only lines that match this regular expression.
    pub matching: Option<String>,
}

/// A part of a kept answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputPage {
    /// The text.
    pub text: String,
    /// Where to go on; none at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
    /// How many bytes there are in all, of matching lines where a pattern was given.
    pub total_bytes: usize,
}

impl Operations {
    /// Returns the first part of a text that is fit to be shown, and keeps the whole of it where
    /// there is more.
    pub fn first_page(&self, caller: &Caller, text: &str) -> (OutputPage, Option<String>) {
        let part = piece(text, 0, self.limits.result_bytes);
        let (shown, next_offset) = part.map_or(("", None), |part| (part.text, part.next));
        let id = next_offset.map(|_| self.outputs.keep(caller, text));
        (OutputPage { text: shown.to_owned(), next_offset, total_bytes: text.len() }, id)
    }

    /// Returns a part of an answer that was cut.
    pub fn read_output(
        &self,
        caller: &Caller,
        request: &ReadRequest,
    ) -> Result<OutputPage, Failure> {
        let Some(whole) = self.outputs.find(caller, &request.output_id) else {
            return Err(Failure::new(
                ErrorCode::InvalidArgument,
                "no output is kept under this id",
            )
            .hinting("outputs are kept in memory for a while; run the command again"));
        };
        let text = match &request.matching {
            None => whole.to_string(),
            Some(pattern) => {
                let pattern =
                    RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|_| {
                        Failure::new(
                            ErrorCode::InvalidArgument,
                            "the pattern is no valid regular expression",
                        )
                    })?;
                whole.split_inclusive('\n').filter(|line| pattern.is_match(line)).collect()
            }
        };
        let Some(part) = piece(&text, request.offset, self.limits.result_bytes) else {
            return Err(Failure::new(
                ErrorCode::InvalidArgument,
                "the offset lies outside the output",
            )
            .hinting(format!("the output has {} bytes; use next_offset", text.len())));
        };
        let page = OutputPage {
            text: part.text.to_owned(),
            next_offset: part.next,
            total_bytes: text.len(),
        };
        Ok(page)
    }
}
