//! Arguments that are one of a few names, and arguments that go together or not.

use clap::ValueEnum;
use pyo3::PyResult;

use crate::errors::{exception, usage};

/// The choice called `value`, as the command line calls it.
pub(crate) fn choice<T: ValueEnum>(argument: &str, value: &str) -> PyResult<T> {
    T::from_str(value, false).map_err(|_| {
        let names: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|one| Some(one.to_possible_value()?.get_name().to_owned()))
            .collect();
        let meant = nearest::did_you_mean(value, names.iter().map(String::as_str));
        usage(format!("`{argument}` is `{value}`, not one of {}{meant}", names.join(", ")))
    })
}

/// The resampler of this name.
pub(crate) fn resampler(name: &str) -> PyResult<audio::Resampler> {
    name.parse().map_err(|error: audio::AudioError| usage(error.to_string()))
}

/// What `argument` says, read as the command line reads it.
pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    argument: &str,
    text: &str,
) -> PyResult<T> {
    text.parse().map_err(|error| usage(format!("`{argument}` is `{text}`: {error}")))
}

/// Refuses `first` where `second` is not given.
pub(crate) fn needs(first: (&str, bool), second: (&str, bool)) -> PyResult<()> {
    if first.1 && !second.1 {
        return Err(usage(format!("`{}` means something with `{}` only", first.0, second.0)));
    }
    Ok(())
}

/// Refuses both.
pub(crate) fn not_both(first: (&str, bool), second: (&str, bool)) -> PyResult<()> {
    if first.1 && second.1 {
        return Err(usage(format!("give `{}` or `{}`, not both", first.0, second.0)));
    }
    Ok(())
}

/// A number of at least one.
pub(crate) fn positive(argument: &str, number: Option<u64>) -> PyResult<Option<u64>> {
    match number {
        Some(0) => Err(usage(format!("`{argument}` is 0; it is 1 at least"))),
        number => Ok(number),
    }
}

/// An error of the program as its exception.
pub(crate) fn raised<T>(result: anyhow::Result<T>) -> PyResult<T> {
    result.map_err(|error| exception(&error))
}
