//! Owns a set of items of the table, as bits: which rules and blocks a line can concern.

/// How many items a set has room for; raise it with the table.
pub(super) const ITEMS: usize = 256;
const CHUNKS: usize = ITEMS / 64;

/// The rules and blocks whose words are on a line.
#[derive(Default, Clone, Copy)]
pub(super) struct Hits([u64; CHUNKS]);

impl Hits {
    pub(super) fn any(&self) -> bool {
        self.0.iter().any(|chunk| *chunk != 0)
    }

    pub(super) fn set(&mut self, item: usize) {
        if let Some(chunk) = self.0.get_mut(item / 64) {
            *chunk |= 1 << (item % 64);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (chunk, more) in self.0.iter_mut().zip(other.0) {
            *chunk |= more;
        }
    }

    /// The numbers of the items, rising.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(nth, mut chunk)| {
            std::iter::from_fn(move || {
                let bit = chunk.trailing_zeros() as usize;
                chunk &= chunk.wrapping_sub(1);
                (bit < 64).then_some(nth * 64 + bit)
            })
        })
    }
}
