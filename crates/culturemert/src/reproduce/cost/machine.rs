//! How fast this machine is.

/// A machine, as far as estimates go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Machine {
    /// Floating-point operations a second in a matrix product on all cores.
    pub(crate) operations: f64,
    /// Cores.
    pub(crate) threads: usize,
}

impl Machine {
    /// This one, by a matrix product of a fraction of a second.
    pub(crate) fn measured() -> Self {
        let operations = 1e9 * simd::matrix::quick_product_gflops(simd::Precision::Float32);
        Self { operations, threads: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}
