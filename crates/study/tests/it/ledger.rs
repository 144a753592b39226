//! The ledger as a study uses it: kept, interrupted, damaged, shared.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use culturemert_study::{Done, Event, Ledger, Step, StudyError};

const CHILD: &str = "CULTUREMERT_LEDGER_TEST_CHILD";

fn step() -> Step {
    Step::new("train").input("seed", 1).input("corpus", "abc").volatile("log.jsonl")
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Runs the step with work that writes two files; gives what came back and how often the work ran.
fn run(ledger: &Ledger, step: &Step) -> (Done, u32) {
    let runs = Cell::new(0);
    let done = ledger
        .run(step, |dir| -> Result<(), StudyError> {
            runs.set(runs.get() + 1);
            write(dir, "model/weights.bin", "weights");
            write(dir, "log.jsonl", &format!("{:?}", Instant::now()));
            Ok(())
        })
        .unwrap();
    (done, runs.get())
}

fn watched(dir: &Path) -> (Ledger, Arc<Mutex<Vec<Event>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let ledger =
        Ledger::open_for(dir, "1").unwrap().with_watcher(move |e| sink.lock().unwrap().push(e.clone()));
    (ledger, events)
}

#[test]
fn a_finished_step_is_not_done_again() {
    let root = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(root.path()).unwrap();
    let (first, ran) = run(&ledger, &step());
    assert!(ran == 1 && !first.cached && first.dir.join("step.json").is_file());
    assert!(first.dir.ends_with(format!("steps/train-{}", &first.key[..12])));
    let (second, ran) = run(&Ledger::open(root.path()).unwrap(), &step());
    assert_eq!((ran, second.cached), (0, true));
    assert_eq!(Done { cached: false, ..second }, first);
    assert_eq!(ledger.find(&step()).unwrap().output_hash, first.output_hash);
    assert!(ledger.find(&step().input("seed", 2)).is_none());
    assert_eq!(ledger.records().unwrap().len(), 1);
}

#[test]
fn another_input_or_version_is_another_step() {
    let root = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_for(root.path(), "1").unwrap();
    run(&ledger, &step());
    assert_eq!(run(&ledger, &step().input("seed", 2)).1, 1);
    assert_eq!(run(&Ledger::open_for(root.path(), "2").unwrap(), &step()).1, 1);
}

#[test]
fn the_output_hash_follows_contents_but_not_volatile_files() {
    let roots = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let hashes = roots.each_ref().map(|root| run(&Ledger::open(root.path()).unwrap(), &step()).0.output_hash);
    assert_eq!(hashes[0], hashes[1]);
    let ledger = Ledger::open(roots[0].path()).unwrap();
    let strict = Step { volatile: Vec::new(), ..step().input("x", 1) };
    assert_ne!(run(&ledger, &strict).0.output_hash, hashes[0]);
}

#[test]
fn an_error_keeps_the_directory_for_the_next_attempt() {
    let root = tempfile::tempdir().unwrap();
    let (ledger, events) = watched(root.path());
    let mut first_dir = PathBuf::new();
    let failed = ledger.run(&step(), |dir| {
        first_dir = dir.into();
        write(dir, "checkpoint", "update 7");
        write(dir, ".tmp-1-0-half", "cut short");
        write(dir, ".tmp-1-1-model/config.json", "cut short");
        Err(StudyError::StepName { name: "stands for any failure".into() })
    });
    assert!(failed.is_err() && ledger.find(&step()).is_none());
    let done = ledger
        .run(&step(), |dir| -> Result<(), StudyError> {
            assert_eq!(dir, first_dir);
            assert_eq!(fs::read_to_string(dir.join("checkpoint")).unwrap(), "update 7");
            Ok(())
        })
        .unwrap();
    assert!(!done.dir.join(".tmp-1-0-half").exists() && !first_dir.exists());
    assert!(!done.dir.join(".tmp-1-1-model").exists());
    assert!(events.lock().unwrap().iter().any(|event| matches!(event, Event::Resuming { .. })));
}

#[track_caller]
fn check_damage(harm: impl FnOnce(&Path), reason_holds: &str) {
    let root = tempfile::tempdir().unwrap();
    let (ledger, events) = watched(root.path());
    let (done, _) = run(&ledger, &step());
    harm(&done.dir);
    assert!(ledger.find(&step()).is_none());
    let (again, ran) = run(&ledger, &step());
    assert!(ran == 1 && !again.cached);
    assert_eq!(again.output_hash, done.output_hash);
    let events = events.lock().unwrap();
    let notice = events.iter().find_map(|event| match event {
        Event::Damaged { reason, moved_to, .. } => Some((reason, moved_to)),
        _ => None,
    });
    let (reason, moved_to) = notice.expect("damage is told");
    assert!(reason.contains(reason_holds), "{reason}");
    assert!(moved_to.is_dir());
}

#[test]
fn damage_is_noticed_told_and_repaired() {
    check_damage(|dir| fs::remove_file(dir.join("model/weights.bin")).unwrap(), "absent");
    check_damage(|dir| write(dir, "model/weights.bin", "short"), "bytes");
    check_damage(|dir| write(dir, "model/weights.bin", "wEights"), "other content");
    check_damage(|dir| fs::remove_file(dir.join("step.json")).unwrap(), "not readable");
    check_damage(|dir| write(dir, "step.json", "{\"schema\": 1"), "not a step record");
    check_damage(
        |dir| {
            let text = fs::read_to_string(dir.join("step.json")).unwrap();
            write(dir, "step.json", &text.replace("weights.bin", "weights.bit"));
        },
        "contradicts",
    );
}

#[test]
fn verify_reads_what_reuse_only_measures() {
    let root = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(root.path()).unwrap();
    let large = vec![7_u8; 3 << 20];
    let work = |dir: &Path| -> Result<(), StudyError> {
        fs::write(dir.join("large"), &large).unwrap();
        Ok(())
    };
    let done = ledger.run(&step(), work).unwrap();
    assert!(ledger.verify().unwrap().is_empty());
    let mut harmed = large.clone();
    harmed[1 << 20] = 8;
    fs::write(done.dir.join("large"), harmed).unwrap();
    assert!(ledger.find(&step()).is_some());
    assert_eq!(ledger.verify().unwrap().len(), 1);
}

#[cfg(unix)]
#[test]
fn links_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(root.path()).unwrap();
    let linked = ledger.run(&step(), |dir| -> Result<(), StudyError> {
        std::os::unix::fs::symlink("/etc/hostname", dir.join("link")).unwrap();
        Ok(())
    });
    assert!(matches!(linked, Err(StudyError::NotPlain { .. })));
}

#[test]
fn two_threads_do_the_work_once() {
    let root = tempfile::tempdir().unwrap();
    let runs = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let ledger = Ledger::open(root.path()).unwrap();
                let done = ledger.run(&step(), |dir| -> Result<(), StudyError> {
                    *runs.lock().unwrap() += 1;
                    std::thread::sleep(Duration::from_millis(50));
                    write(dir, "a", "a");
                    Ok(())
                });
                done.unwrap();
            });
        }
    });
    assert_eq!(*runs.lock().unwrap(), 1);
}

/// Not a test of its own: the process that `a_killed_step_goes_on_where_it_was` kills.
#[test]
fn child_that_hangs_in_its_work() {
    let Ok(root) = std::env::var(CHILD) else { return };
    let ledger = Ledger::open_for(Path::new(&root), "1").unwrap();
    let never = ledger.run(&step(), |dir| -> Result<(), StudyError> {
        write(dir, "checkpoint", "update 3");
        write(Path::new(&root), "started", "");
        std::thread::sleep(Duration::from_mins(1));
        Ok(())
    });
    never.unwrap();
}

#[test]
fn a_killed_step_goes_on_where_it_was() {
    let root = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::child_that_hangs_in_its_work"])
        .env(CHILD, root.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !root.path().join("started").exists() {
        assert!(Instant::now() < deadline, "the child did not start its work");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (ledger, events) = watched(root.path());
    let waiting = std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            ledger.run(&step(), |dir| -> Result<(), StudyError> {
                assert_eq!(fs::read_to_string(dir.join("checkpoint")).unwrap(), "update 3");
                Ok(())
            })
        });
        while events.lock().unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        // The lock goes with its holder: killing it is what lets us in.
        child.kill().unwrap();
        child.wait().unwrap();
        run.join().unwrap()
    });
    assert!(!waiting.unwrap().cached);
    let events = events.lock().unwrap();
    assert_eq!(events[0], Event::Waiting { step: "train".into(), holder: Some(child.id()) });
    assert!(matches!(events[1], Event::Resuming { .. }));
}

#[test]
fn a_kill_between_record_and_rename_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(root.path()).unwrap();
    let (done, _) = run(&ledger, &step());
    let name = done.dir.file_name().unwrap().to_str().unwrap();
    fs::rename(&done.dir, done.dir.with_file_name(format!("partial-{name}"))).unwrap();
    let (again, ran) = run(&ledger, &step());
    assert_eq!((ran, again.output_hash), (0, done.output_hash));
}

#[test]
fn under_every_fault_a_step_is_kept_whole_or_done_again() {
    let work = |root: &Path| -> Result<(), StudyError> {
        let ledger = Ledger::open_for(root, "1")?;
        let write = |dir: &Path| -> Result<(), StudyError> {
            files::write_atomic(&dir.join("model/weights.bin"), b"weights")?;
            Ok(files::write_json(&dir.join("facts.json"), "{}")?)
        };
        let done = ledger.run(&step(), write)?;
        assert_eq!(fs::read(done.dir.join("model/weights.bin")).unwrap(), b"weights");
        Ok(())
    };
    // From nothing, and over a damaged output that has to be moved aside.
    let damaged = |root: &Path| {
        work(root).unwrap();
        let done = Ledger::open_for(root, "1").unwrap().find(&step()).unwrap();
        fs::write(done.dir.join("facts.json"), "{").unwrap();
    };
    for before in [&(|_: &Path| ()) as &dyn Fn(&Path), &damaged] {
        let n_struck = files::faults::everywhere(before, work, |root, is_done| {
            let kept = Ledger::open_for(root, "1").unwrap();
            if let Some(done) = kept.find(&step()) {
                assert_eq!(fs::read(done.dir.join("facts.json")).unwrap(), b"{}\n");
            } else {
                assert!(!is_done);
            }
            assert!(!is_done || kept.verify().unwrap().is_empty());
        });
        assert!(n_struck > 40, "{n_struck} operations");
    }
}
