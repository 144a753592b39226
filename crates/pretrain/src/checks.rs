//! The questions every section asks of its numbers.

use crate::PretrainError;

pub(crate) fn probability(key: &str, value: f64) -> Result<(), PretrainError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(PretrainError::plan(key, format!("{value} is not from 0 to 1")))
}

pub(crate) fn finite_not_negative(key: &str, value: f64) -> Result<(), PretrainError> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(PretrainError::plan(key, format!("{value} is not a finite number from 0 on")))
}

pub(crate) fn positive(key: &str, value: f64) -> Result<(), PretrainError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(PretrainError::plan(key, format!("{value} is not a finite number above 0")))
}

pub(crate) fn at_least(key: &str, value: u64, least: u64) -> Result<(), PretrainError> {
    if value >= least {
        return Ok(());
    }
    Err(PretrainError::plan(key, format!("{value} is below {least}")))
}
