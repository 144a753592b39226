//! `docs/BENCHMARKS.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::compare::Row;
use crate::machine::Machine;
use crate::work::Work;

/// The page of one sitting.
pub(crate) fn write(machine: &Machine, rows: &[Row], failed: &[(Work, String)]) -> String {
    let counts = || rows.iter().map(|row| row.ours_all_s.len());
    let turns = match (counts().min().unwrap_or(0), counts().max().unwrap_or(0)) {
        (least, most) if least == most => most.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    let mut text = String::from("# Benchmarks\n\n");
    put(&mut text, "Written by `cargo xtask compare`; not edited by hand.\n");
    put(
        &mut text,
        &format!(
            "Machine: {} ({}), {} threads, {:.0} GiB, {}. culturemert {}.",
            machine.processor,
            machine.extensions.join(", "),
            machine.threads,
            machine.memory_bytes as f64 / f64::from(1 << 30),
            machine.system,
            env!("CARGO_PKG_VERSION"),
        ),
    );
    let versions: BTreeMap<&String, &str> = rows
        .iter()
        .filter_map(|row| row.versions.as_object())
        .flatten()
        .filter_map(|(name, version)| Some((name, version.as_str()?)))
        .collect();
    let versions: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    put(&mut text, &format!("Peers: {}.\n", versions.join(", ")));
    put(
        &mut text,
        &format!(
            "Peer and ours in turns, {turns} each, every turn a process of its own after one repetition that is not timed; \
             medians, in brackets the least and the most. Ratio: peer's time by ours. Product share: our operations a second as a \
             share of a float32 product of 2048³ in the same processes.\n"
        ),
    );
    if !machine.has_bfloat16() {
        put(
            &mut text,
            "This processor has no bfloat16 instructions: torch emulates them far slower than its float32, which is therefore the peer of the \
             bfloat16 rows too, and ours is the fastest mode that is exact enough.\n",
        );
    }
    put(
        &mut text,
        "| work | peer | peer, s | ours, s | ratio | at least | aim | product share | ours, MB | peer, MB |",
    );
    put(&mut text, "|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let (least, aim) = row.work.asked();
        let share = row.gemm_share.map_or("–".into(), |share| format!("{:.0} %", 100.0 * share));
        let megabytes = |value: Option<f64>| value.map_or("–".into(), |mb| format!("{mb:.0}"));
        put(
            &mut text,
            &format!(
                "| {} | {} | {} | {} | **{:.2}×**{} | {least}× | {aim}× | {share} | {} | {} |",
                row.work.title(),
                row.peer,
                spread(row.peer_s, &row.peer_all_s),
                spread(row.ours_s, &row.ours_all_s),
                row.ratio,
                if row.ratio < least { " (below)" } else { "" },
                megabytes(row.peak_mb),
                megabytes(row.peer_peak_mb),
            ),
        );
    }
    for (work, reason) in failed {
        put(&mut text, &format!("\nNot measured: {}: {reason}.", work.title()));
    }
    put(&mut text, "\nWhat each row did, in its own words:\n");
    for row in rows {
        put(
            &mut text,
            &format!("- `{}`: {} (product {:.0} GFLOP/s)", row.work.key(), row.facts, row.gemm_gflops),
        );
    }
    text
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

/// A median with the least and the most.
fn spread(median: f64, all: &[f64]) -> String {
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    format!("{median:.3} [{least:.3}–{most:.3}]")
}
