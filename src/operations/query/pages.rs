//! Owns [`Pages`]: answers of which more rows may be asked for, by the caller who got the first page. The
//! oldest make room for new ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::body::Kept;
use super::{Failure, QueryRequest};
use crate::caller::Caller;
use crate::error::ErrorCode;

/// How many bytes are kept in all.
const MOST_BYTES: usize = 64 << 20;

/// How many answers are kept.
const MOST_ANSWERS: usize = 64;

/// Answers that are kept, the oldest first.
#[derive(Debug, Default)]
pub(in crate::operations) struct Pages {
    kept: Mutex<VecDeque<Page>>,
}

#[derive(Debug)]
struct Page {
    id: String,
    /// The id of the caller it belongs to.
    owner: String,
    answer: Arc<Kept>,
}

impl Pages {
    /// Names the page of an answer that begins at `next`.
    pub(super) fn keep(&self, caller: &Caller, answer: &Arc<Kept>, next: usize) -> String {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().find(|page| Arc::ptr_eq(&page.answer, answer));
        let id = if let Some(page) = known {
            page.id.clone()
        } else {
            let id = uuid::Uuid::new_v4().simple().to_string();
            let (owner, answer) = (caller.id.clone(), Arc::clone(answer));
            kept.push_back(Page { id: id.clone(), owner, answer });
            id
        };
        let mut bytes: usize = kept.iter().map(|page| page.answer.bytes()).sum();
        while (bytes > MOST_BYTES || kept.len() > MOST_ANSWERS) && kept.len() > 1 {
            let gone = kept.pop_front().map_or(0, |page| page.answer.bytes());
            bytes = bytes.saturating_sub(gone);
        }
        format!("{id}.{next}")
    }

    /// Finds the answer that a cursor of this request belongs to, and where its page begins.
    pub(super) fn find(
        &self,
        caller: &Caller,
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
        let found = kept.iter().find(|page| page.id == id && page.owner == caller.id);
        let answer = Arc::clone(&found.ok_or_else(unknown)?.answer);
        if !answer.answers(request) {
            let hint = "give the same arguments as in the call that returned it, or leave it out";
            return Err(refused("the cursor belongs to another query", hint));
        }
        Ok((answer, offset))
    }
}
