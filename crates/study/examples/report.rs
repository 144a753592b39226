//! Writes the report of made-up results, to look at: `cargo run -p culturemert-study --example report -- DIR`.

#[path = "../tests/it/plausible/mod.rs"]
mod plausible;

use std::path::PathBuf;

fn main() -> Result<(), culturemert_study::StudyError> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/example-report".into()));
    culturemert_study::write_all(&plausible::results(0.008), &dir)?;
    Ok(())
}
