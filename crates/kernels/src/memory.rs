//! Memory of results.

/// Bytes from which large pages are asked for.
const LARGE: usize = 4 << 20;

/// `n` zeros. Long ones lie on large pages where the system has them: a fresh page of 4 KiB costs a fault, and results fill many.
pub(crate) fn zeros(n: usize) -> Vec<f32> {
    let values = vec![0.0f32; n];
    if n * size_of::<f32>() >= LARGE {
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
