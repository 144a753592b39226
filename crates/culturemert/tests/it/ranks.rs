//! Training by several processes, and what a plan would cost.

use crate::command::{culturemert, json, small_corpus, talk};

#[test]
fn a_calibration_says_hours_and_memory_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let names = || {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let dry = ["pretrain", "--dry-run", "--config", "pocket", "--corpus", "corpus", "--init", "scratch"];
    let told = json(dir, &[&dry[..], &["--calibrate", "4", "--set", "held_out.crops=2"]].concat());
    assert_eq!(names(), before);
    let of = |value: &serde_json::Value| value.as_f64().unwrap();
    let stages = told["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 2);
    let mut hours = of(&told["held_out"]["hours"]);
    for (stage, updates) in stages.iter().zip([60, 150]) {
        assert_eq!((stage["updates"].as_u64(), stage["timed"].as_u64()), (Some(updates), Some(3)));
        let estimate = of(&stage["hours"]["estimate"]);
        assert!((estimate - updates as f64 * of(&stage["seconds_per_update"]) / 3600.0).abs() < 1e-9);
        assert!(of(&stage["hours"]["low"]) <= estimate && estimate <= of(&stage["hours"]["high"]));
        assert!((0.0..1.0).contains(&of(&stage["waiting_share"])));
        hours += estimate;
    }
    assert!((of(&told["hours"]["estimate"]) - hours).abs() < 1e-9, "{told}");
    // Before the first update, after 50, 60, 100, 150, 200 and 210.
    assert_eq!((told["held_out"]["measurements"].as_u64(), told["ranks"].as_u64()), (Some(7), Some(1)));
    if cfg!(target_os = "linux") {
        assert!(of(&told["memory_peak_bytes"]) > 1e7, "{told}");
    }
    for wrong in [&["pretrain", "--config", "pocket"][..], &dry[..4]] {
        let refused = culturemert(dir, &[wrong, &["--calibrate"]].concat()).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{}", talk(&refused));
    }
}

/// Without MPI each process would train the whole plan, all of them in one folder.
#[cfg(not(feature = "mpi"))]
#[test]
fn a_program_without_mpi_refuses_to_be_one_of_several() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = culturemert(folder.path(), &["pretrain", "--dry-run", "--config", "pocket"]);
    let refused = command.env("OMPI_COMM_WORLD_SIZE", "2").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(talk(&refused).contains("built without MPI"), "{}", talk(&refused));
    assert!(refused.stdout.is_empty());
}

/// Two real processes: the same losses, the same bytes twice, one of them killed, one asked to stop. Where there is no `mpirun` nothing is tested.
#[cfg(feature = "mpi")]
#[test]
fn two_processes_train_as_one() {
    if std::process::Command::new("mpirun").arg("--version").output().is_err() {
        eprintln!("skipped: no `mpirun`");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster/mpi-check.sh");
    let mut command = std::process::Command::new(script);
    command.arg(env!("CARGO_BIN_EXE_culturemert")).arg(folder.path().join("check"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}{}", talk(&output));
    assert!(output.status.success());
    for part in ["two ranks twice: the same bytes", "stopped (exit code 130)", "which one was killed"] {
        assert!(said.contains(part), "no `{part}`");
    }
}
