//! The page in a real browser: keyboard, pointer, screen reader, two widths, light and dark, no request, and how fast it draws 10 000 clips.

mod made;

use std::path::Path;
use std::process::Command;

/// Clips of the page that drawing is measured on.
const MANY: usize = 10_000;

#[test]
fn the_page_works_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let [small, large] = [("small", 400), ("large", MANY)].map(|(name, n)| {
        let dir = folder.path().join(name);
        made::write(&dir, n).unwrap();
        dir
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/browser/explorer.py");
    let Ok(output) = Command::new("python3").arg(script).args([&small, &large]).output() else {
        eprintln!("not tested: there is no python3 to drive a browser with");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}");
}
