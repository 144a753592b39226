//! What is wrong with a machine, in one sentence each, and what to do.

use super::{CURRENT, Folder, Products, Report, gigabytes};

/// Largest error of a product that is right, relative to what an element adds up: the tolerance of the tests of `simd`, where 3e-8 is usual.
const RIGHT: f64 = 1e-6;

/// What embedding 30 s with a model of 95M parameters takes at its peak, bytes (docs/PERFORMANCE.md).
const MEMORY_TO_EMBED: u64 = 750_000_000;

/// A checkpoint of a model of 95M parameters: float32 weights and two moments, bytes.
const CHECKPOINT: u64 = 3 * 4 * 95_000_000;

pub(super) fn of(report: &Report) -> Vec<String> {
    let mut problems = Vec::new();
    let (threads, processors) = (report.threads, report.processors);
    if threads > processors {
        problems.push(format!(
            "{threads} threads share {processors} processors and wait for each other; unset `RAYON_NUM_THREADS` or set it to {processors}"
        ));
    }
    problems.extend(report.products.iter().filter_map(wrong_products));
    if let Some(memory) = report.memory
        && memory.available_bytes < MEMORY_TO_EMBED
    {
        problems.push(format!(
            "{:.2} GB of memory are available and embedding 30 s with a model of 95M parameters takes {:.2} GB; end other programs, or give `embed` a smaller `--window`",
            gigabytes(memory.available_bytes),
            gigabytes(MEMORY_TO_EMBED)
        ));
    }
    problems.extend(report.folders.iter().filter(|folder| folder.what == CURRENT).filter_map(full_folder));
    problems
}

fn wrong_products(products: &Products) -> Option<String> {
    let Products { precision, instructions, error, .. } = products;
    let how = match error {
        Some(error) if *error < RIGHT => return None,
        Some(error) => format!("off by {error:.0e} of what they add up"),
        None => "not numbers".into(),
    };
    let what_to_do = match precision.as_str() {
        "float32" => "trust no result of this machine, and test its memory and processor",
        _ => "compute in `float32`, and test the machine's memory and processor",
    };
    Some(format!("products in `{precision}` by {instructions} are {how}; {what_to_do}"))
}

fn full_folder(folder: &Folder) -> Option<String> {
    let path = folder.path.display();
    if folder.is_writable == Some(false) {
        return Some(format!(
            "nothing can be written in `{path}`; go to another folder, or give an `--out` elsewhere"
        ));
    }
    let free = folder.free_bytes.filter(|&free| free < CHECKPOINT)?;
    Some(format!(
        "`{path}` has {:.2} GB free and a checkpoint of a model of 95M parameters takes {:.2} GB; free some, or give an `--out` on another disk",
        gigabytes(free),
        gigabytes(CHECKPOINT)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Memory;

    fn healthy() -> Report {
        let products = |precision: &str| Products {
            precision: precision.into(),
            instructions: "AVX2".into(),
            gflops: 100.0,
            error: Some(3e-8),
        };
        Report {
            version: "1",
            target: "x",
            features: Vec::new(),
            system: "linux".into(),
            threads: 2,
            processors: 2,
            products: vec![products("float32"), products("bfloat16")],
            cards: Vec::new(),
            memory: Some(Memory { total_bytes: 16_000_000_000, available_bytes: 8_000_000_000 }),
            folders: vec![Folder {
                what: CURRENT,
                path: "here".into(),
                free_bytes: Some(50_000_000_000),
                is_writable: Some(true),
            }],
            problems: Vec::new(),
        }
    }

    #[track_caller]
    fn check(spoil: impl Fn(&mut Report), expected: &[&str]) {
        let mut report = healthy();
        spoil(&mut report);
        report.problems = of(&report);
        assert_eq!(report.problems.len(), expected.len(), "{:?}", report.problems);
        for (problem, part) in report.problems.iter().zip(expected) {
            assert!(problem.contains(part) && report.to_text().contains(problem), "{problem}");
        }
    }

    #[test]
    fn a_healthy_machine_has_none_and_every_fault_is_told() {
        check(|_| {}, &[]);
        check(|report| report.threads = 8, &["8 threads share 2 processors"]);
        check(
            |report| report.products[0].error = None,
            &["products in `float32` by AVX2 are not numbers; trust"],
        );
        check(
            |report| report.products[1].error = Some(0.3),
            &["off by 3e-1 of what they add up; compute in"],
        );
        check(
            |report| report.memory = Some(Memory { total_bytes: 1 << 30, available_bytes: 100_000_000 }),
            &["0.10 GB of memory"],
        );
        check(|report| report.folders[0].free_bytes = Some(1_000_000_000), &["has 1.00 GB free"]);
        check(|report| report.folders[0].is_writable = Some(false), &["nothing can be written in `here`"]);
        // Nothing is known, so nothing is wrong; and nothing of ours is written to the folder of temporary files.
        check(
            |report| {
                report.memory = None;
                report.folders[0].free_bytes = None;
                report.folders[0].is_writable = None;
            },
            &[],
        );
        check(
            |report| (report.folders[0].what, report.folders[0].free_bytes) = ("temporary files", Some(1)),
            &[],
        );
    }
}
