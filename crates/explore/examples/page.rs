//! Writes a page of a made-up collection with sound, to look at: `cargo run -p culturemert-explore --example page -- DIR [CLIPS]`.

#[path = "../tests/made/mod.rs"]
mod made;

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().unwrap_or_else(|| "target/example-page".into()));
    made::write(&dir, arguments.next().map_or(Ok(400), |text| text.parse())?)
}
