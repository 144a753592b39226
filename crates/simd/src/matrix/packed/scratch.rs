//! Buffers for packed operands, kept by each thread: fresh memory costs a page fault every 4 KiB.

use std::cell::RefCell;

thread_local! {
    static FREE: RefCell<Vec<Vec<u32>>> = const { RefCell::new(Vec::new()) };
}

/// Lends `call` a buffer of at least `n` words of anything. Calls nest.
pub(super) fn with_words<R>(n: usize, call: impl FnOnce(&mut [u32]) -> R) -> R {
    // Taken out while in use: a thread that waits for others may begin another product.
    let mut words = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if words.len() < n {
        words.resize(n, 0);
    }
    let result = call(&mut words[..n]);
    FREE.with_borrow_mut(|free| free.push(words));
    result
}
