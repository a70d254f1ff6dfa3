//! Owns [`Pages`]: answers of which more rows may be asked for. The oldest make room for new ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::body::Kept;
use super::{Failure, QueryRequest};
use crate::error::ErrorCode;

/// How many bytes are kept in all.
const MOST_BYTES: usize = 64 << 20;

/// Answers that are kept, the oldest first, each with its name.
#[derive(Debug, Default)]
pub(in crate::operations) struct Pages {
    kept: Mutex<VecDeque<(String, Arc<Kept>)>>,
}

impl Pages {
    /// Names the page that begins at `next`, after one that began at `offset`.
    pub(super) fn keep(&self, answer: &Arc<Kept>, offset: usize, next: usize) -> String {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().find(|(_, known)| offset > 0 && Arc::ptr_eq(known, answer));
        let id = if let Some((id, _)) = known {
            id.clone()
        } else {
            let id = uuid::Uuid::new_v4().simple().to_string();
            kept.push_back((id.clone(), Arc::clone(answer)));
            id
        };
        let mut bytes: usize = kept.iter().map(|(_, answer)| answer.bytes()).sum();
        while bytes > MOST_BYTES && kept.len() > 1 {
            let gone = kept.pop_front().map_or(0, |(_, answer)| answer.bytes());
            bytes = bytes.saturating_sub(gone);
        }
        format!("{id}.{next}")
    }

    /// Finds the answer that a cursor of this request belongs to, and where its page begins.
    pub(super) fn find(
        &self,
        cursor: &str,
        request: &QueryRequest,
    ) -> Result<(Arc<Kept>, usize), Failure> {
        let refused = |message: &str, hint: &str| {
            Failure::new(ErrorCode::InvalidArgument, message).hinting(hint)
        };
        let unknown = || {
            refused(
                "the cursor is unknown, or its answer made room for others",
                "repeat the call without cursor",
            )
        };
        let (id, offset) = cursor.split_once('.').ok_or_else(unknown)?;
        let offset = offset.parse().map_err(|_| unknown())?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found =
            kept.iter().find(|(known, _)| known == id).map(|(_, answer)| Arc::clone(answer));
        let answer = found.ok_or_else(unknown)?;
        if !answer.answers(request) {
            let hint = "give the same arguments as in the call that returned it, or leave it out";
            return Err(refused("the cursor belongs to another query", hint));
        }
        Ok((answer, offset))
    }
}
