//! Buffers for packed operands: kept by each thread, since fresh memory costs a page fault every 4 KiB, and beginning with a cache line,
//! since a vector that lies in two lines is loaded twice.

use std::cell::RefCell;

thread_local! {
    static FREE: RefCell<Vec<Vec<u32>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of a cache line, and of the widest vectors.
const LINE: usize = 64;
/// Words that may lie before the first whole line.
const SLACK: usize = LINE / size_of::<u32>();

/// Words that begin with a cache line.
pub(in crate::matrix) struct Aligned {
    words: Vec<u32>,
    first: usize,
}

impl Aligned {
    /// `n` zeros.
    pub(super) fn zeros(n: usize) -> Self {
        let words = vec![0; n + SLACK];
        let first = offset(&words);
        Self { words, first }
    }

    pub(in crate::matrix) fn words(&self) -> &[u32] {
        &self.words[self.first..]
    }

    pub(super) fn words_mut(&mut self) -> &mut [u32] {
        &mut self.words[self.first..]
    }
}

/// Words before the first line that is wholly in `words`; alignment is a matter of speed alone, so a refusal counts as none.
fn offset(words: &[u32]) -> usize {
    Some(words.as_ptr().align_offset(LINE)).filter(|&offset| offset < SLACK).unwrap_or(0)
}

/// Lends `call` a buffer of at least `n` words of anything. Calls nest.
pub(super) fn with_words<R>(n: usize, call: impl FnOnce(&mut [u32]) -> R) -> R {
    // Taken out while in use: a thread that waits for others may begin another product.
    let mut words = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if words.len() < n + SLACK {
        words.resize(n + SLACK, 0);
    }
    let first = offset(&words);
    let result = call(&mut words[first..first + n]);
    FREE.with_borrow_mut(|free| free.push(words));
    result
}
