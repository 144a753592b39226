//! The report in a real browser: figures, players, keyboard, screen reader, two widths, light and dark, print, no request.

use std::path::Path;
use std::process::Command;

use crate::plausible;

#[test]
fn the_report_works_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    std::fs::write(&report, culturemert_study::report::html(&plausible::results(0.01))).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/browser/report.py");
    let Ok(output) = Command::new("python3").arg(script).arg(&report).output() else {
        eprintln!("not tested: there is no python3 to drive a browser with");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}");
}
