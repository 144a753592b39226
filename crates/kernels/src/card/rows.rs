//! Rows of a matrix, a cube each: how such kernels are launched, and how their units add and compare.

use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::{CubeCount, CubeDim, calculate_cube_count_elemwise};

/// Units that share a row; a power of two, and no more than most cards run in step: rows are short (375 keys of 5 s, 768 channels), and every
/// halving of a sum waits for all units.
pub(super) const UNITS: u32 = 32;

/// How a kernel of `n_rows` cubes is launched. There may be more cubes than rows.
pub(super) fn a_cube_a_row(client: &Client, n_rows: usize) -> (CubeCount, CubeDim) {
    let cube_dim = CubeDim::new_1d(UNITS);
    // Spreads the cubes over axes that are long enough.
    (calculate_cube_count_elemwise(client, n_rows * UNITS as usize, cube_dim), cube_dim)
}

/// The sum of every unit's `value`, the same for all; `partial` has a place for each of them.
#[cube]
pub(super) fn sum_of_units(value: f32, partial: &mut Shared<[f32]>) -> f32 {
    of_units(value, partial, true)
}

/// The largest of every unit's `value`.
#[cube]
pub(super) fn largest_of_units(value: f32, partial: &mut Shared<[f32]>) -> f32 {
    of_units(value, partial, false)
}

#[cube]
fn of_units(value: f32, partial: &mut Shared<[f32]>, #[comptime] adds: bool) -> f32 {
    let unit = UNIT_POS as usize;
    partial[unit] = value;
    sync_cube();
    let mut half = CUBE_DIM as usize / 2;
    while half > 0 {
        if unit < half {
            let (one, other) = (partial[unit], partial[unit + half]);
            if comptime!(adds) {
                partial[unit] = one + other;
            } else {
                partial[unit] = f32::max(one, other);
            }
        }
        sync_cube();
        half /= 2;
    }
    let result = partial[0];
    // Nobody writes the next value over it before all have read it.
    sync_cube();
    result
}
