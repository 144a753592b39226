//! Memory of results, used again.
//!
//! Fresh memory costs a fault and a clearing for every page, a tenth of a training step. So operations give back the arrays that nobody else
//! holds when they are done with them, and results are written over old numbers.

use std::sync::Mutex;

/// Numbers below which the allocator is left alone.
const SMALL: usize = 1 << 15;

/// Numbers that wait for use at most, when no backward pass holds any: 256 MiB.
pub(crate) const FEW: usize = 1 << 26;

/// The same between backward and forward passes, which use all of them again: 2 GiB.
pub(crate) const MANY: usize = 1 << 29;

/// Arrays that wait, the longest waiting first.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// `n` zeros.
pub(crate) fn zeros(n: usize) -> Vec<f32> {
    match used(n) {
        Some(mut values) => {
            values.fill(0.0);
            values
        }
        None => fresh(n),
    }
}

/// `n` numbers that the caller writes over, all of them. Tests get no numbers at all, so that a forgotten one shows.
pub(crate) fn unset(n: usize) -> Vec<f32> {
    if cfg!(test) { vec![f32::NAN; n] } else { used(n).unwrap_or_else(|| fresh(n)) }
}

/// Takes an array for later use, and lets go of the oldest ones beyond `most` numbers.
pub(crate) fn give_back(values: Vec<f32>, most: usize) {
    if values.capacity() < SMALL {
        return;
    }
    let Ok(mut free) = FREE.lock() else { return };
    free.push(values);
    let mut waiting: usize = free.iter().map(Vec::capacity).sum();
    while waiting > most {
        waiting -= free.remove(0).capacity();
    }
}

/// The waiting array that fits best and wastes at most a quarter.
fn used(n: usize) -> Option<Vec<f32>> {
    if n < SMALL {
        return None;
    }
    let mut free = FREE.lock().ok()?;
    let fitting = free.iter().enumerate().filter(|(_, one)| (n..=n + n / 4).contains(&one.capacity()));
    let (best, _) = fitting.min_by_key(|(_, one)| one.capacity())?;
    let mut values = free.remove(best);
    drop(free);
    values.resize(n, 0.0);
    Some(values)
}

/// `n` zeros in fresh memory; long ones on large pages where the system has them.
fn fresh(n: usize) -> Vec<f32> {
    const LARGE: usize = 1 << 20;
    let values = vec![0.0f32; n];
    if n >= LARGE {
        ask_for_large_pages(&values);
    }
    values
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a call of the C library")]
fn ask_for_large_pages(values: &[f32]) {
    const PAGE: usize = 4096;
    const MADV_HUGEPAGE: i32 = 14;
    unsafe extern "C" {
        fn madvise(address: *mut u8, length: usize, advice: i32) -> i32;
    }
    let start = values.as_ptr().addr().next_multiple_of(PAGE);
    let end = (values.as_ptr().addr() + size_of_val(values)) / PAGE * PAGE;
    // SAFETY: advice about pages that lie wholly inside memory of ours; contents do not change, and a refusal costs nothing.
    unsafe {
        madvise(values.as_ptr().with_addr(start).cast_mut().cast(), end.saturating_sub(start), MADV_HUGEPAGE);
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages(_: &[f32]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_used_again_and_zeros_are_zeros() {
        // A length no other test asks for.
        let n = 12_345_678;
        let values = vec![7.0; n];
        let place = values.as_ptr();
        give_back(values, MANY);
        let again = zeros(n - 5);
        assert_eq!((again.as_ptr(), again.len()), (place, n - 5));
        assert!(again.iter().all(|&x| x == 0.0));
    }
}
