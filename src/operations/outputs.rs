//! The answers that did not fit into a result, kept in memory for those who ask for the rest.
//!
//! What is kept is already free of secrets and control characters, and belongs to the caller who got
//! the first part. The oldest answers make room for new ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::caller::Caller;

/// How many bytes are kept in all.
const MOST_BYTES: usize = 64 << 20;

/// Kept answers.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Oldest first.
    texts: VecDeque<Output>,
    /// How many bytes they have in all.
    bytes: usize,
}

/// A kept answer.
#[derive(Debug)]
struct Output {
    id: String,
    /// The id of the caller it belongs to.
    owner: String,
    text: Arc<str>,
}

impl Outputs {
    /// Keeps a text for a caller and names it.
    pub(super) fn keep(&self, caller: &Caller, text: &str) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = caller.id.clone();
        kept.texts.push_back(Output { id: id.clone(), owner, text: Arc::from(text) });
        kept.bytes = kept.bytes.saturating_add(text.len());
        while kept.bytes > MOST_BYTES && kept.texts.len() > 1 {
            let gone = kept.texts.pop_front().map_or(0, |output| output.text.len());
            kept.bytes = kept.bytes.saturating_sub(gone);
        }
        id
    }

    /// Finds a text that is kept for a caller.
    pub(super) fn find(&self, caller: &Caller, id: &str) -> Option<Arc<str>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |output: &&Output| output.id == id && output.owner == caller.id;
        kept.texts.iter().find(is_it).map(|output| Arc::clone(&output.text))
    }
}

/// A piece of a text that ends with a line where possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Where the next piece starts; none when this is the last one.
    pub(super) next: Option<usize>,
}

/// Takes at most about `limit` bytes of `text` from `offset` on, whole lines where possible.
pub(super) fn piece(text: &str, offset: usize, limit: usize) -> Option<Piece<'_>> {
    let rest = text.get(offset..)?;
    if rest.len() <= limit {
        return Some(Piece { text: rest, next: None });
    }
    let mut end = limit;
    while !rest.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let cut = rest.get(..end)?;
    let end = cut.rfind('\n').map_or(end, |newline| newline.saturating_add(1));
    Some(Piece { text: rest.get(..end)?, next: Some(offset.saturating_add(end)) })
}

/// The least that a text gets, however many there are.
const LEAST_SHARE: usize = 200;

/// Divides about `total` bytes among texts of these sizes: short ones get all they need, and what
/// they leave goes to the long ones in equal parts.
pub(super) fn shares(sizes: &[usize], total: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|index| sizes.get(*index));
    let mut shares = vec![0; sizes.len()];
    let mut left = total;
    for (taken, index) in order.iter().enumerate() {
        let others = sizes.len().saturating_sub(taken).max(1);
        let fair = left.checked_div(others).unwrap_or_default().max(LEAST_SHARE);
        let share = sizes.get(*index).copied().unwrap_or_default().min(fair);
        left = left.saturating_sub(share);
        if let Some(slot) = shares.get_mut(*index) {
            *slot = share;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Role;

    #[test]
    fn pieces_are_whole_lines_and_add_up_to_the_text() {
        let text = "one\ntwo\nthr\u{e9}e\nfour, which is long\n";
        for limit in 4..text.len() {
            let (mut offset, mut seen) = (0, String::new());
            loop {
                let piece = piece(text, offset, limit).unwrap();
                seen.push_str(piece.text);
                match piece.next {
                    Some(next) => offset = next,
                    None => break,
                }
            }
            assert_eq!(seen, text, "limit {limit}");
        }
        assert_eq!(piece(text, 0, 9).unwrap().text, "one\ntwo\n");
        assert_eq!(piece(text, 9999, 9), None);
    }

    #[test]
    fn short_texts_stay_whole_and_long_ones_share_the_rest() {
        assert_eq!(shares(&[100, 200], 1000), [100, 200]);
        assert_eq!(shares(&[5000, 100, 9000], 1100), [500, 100, 500]);
        assert_eq!(shares(&[5000; 3], 300), [200; 3], "everybody gets a little");
        assert_eq!(shares(&[], 1000), Vec::<usize>::new());
    }

    #[test]
    fn the_oldest_answers_make_room() {
        let outputs = Outputs::default();
        let large = "x".repeat(MOST_BYTES / 2 + 1);
        let caller = Caller::local(Role::Viewer);
        let first = outputs.keep(&caller, &large);
        assert!(outputs.find(&caller, &first).is_some());
        let second = outputs.keep(&caller, &large);
        assert!(outputs.find(&caller, &first).is_none());
        assert!(outputs.find(&caller, &second).is_some());
    }

    #[test]
    fn an_answer_belongs_to_its_caller() {
        let outputs = Outputs::default();
        let (one, two) = (Caller::local(Role::Viewer), Caller::with_token("t", Role::Operator));
        let id = outputs.keep(&one, "text");
        assert!(outputs.find(&one, &id).is_some() && outputs.find(&two, &id).is_none());
    }
}
