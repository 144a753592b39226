use super::*;
use crate::ScalerSettings;

fn state(update: u64) -> TrainState {
    TrainState {
        update,
        stage: 1,
        stage_update: update / 2,
        stage_steps: update / 2,
        optimizer_step: update,
        anchor: update,
        loss_scaler: Some(LossScaler::new(ScalerSettings::default(), 8)),
        seconds: 0.1 + update as f64,
        ..TrainState::default()
    }
}

fn save(checkpoints: &Checkpoints, update: u64) -> PathBuf {
    try_save(checkpoints, update).unwrap()
}

fn try_save(checkpoints: &Checkpoints, update: u64) -> Result<PathBuf, PretrainError> {
    let data = [update as f32, 2.0, 3.0];
    let weights = [TensorRef { name: "w", shape: &[3], data: &data }];
    let optimizer = [TensorRef { name: "w.first_moment", shape: &[3], data: &[0.5; 3] }];
    checkpoints.save(&state(update), &weights, &optimizer)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_newest_is_read_back_and_older_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("checkpoints"), Retention::newest(2));
    assert_eq!(checkpoints.newest().unwrap(), Newest { checkpoint: None, skipped: vec![] });
    for update in [5, 999_999, 1_000_000] {
        save(&checkpoints, update);
    }
    assert_eq!(names(&checkpoints.folder), ["1000000", "999999"]);
    let newest = checkpoints.newest().unwrap();
    let checkpoint = newest.checkpoint.unwrap();
    assert_eq!((newest.skipped.len(), &checkpoint.state), (0, &state(1_000_000)));
    assert_eq!(checkpoint.weights().unwrap()[0].data, [1e6, 2.0, 3.0]);
    assert_eq!(checkpoint.optimizer().unwrap()[0].name, "w.first_moment");
}

/// Whatever byte of whatever file is lost or changed: the checkpoint is passed over and named, the one before is used.
#[test]
fn a_damaged_checkpoint_is_passed_over_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().into(), Retention::newest(3));
    save(&checkpoints, 10);
    let path = save(&checkpoints, 20);
    for name in [WEIGHTS, OPTIMIZER, STATE, COMMIT] {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for damage in [&[][..], &whole[..whole.len() / 2], &flipped] {
            fs::write(&file, damage).unwrap();
            let newest = checkpoints.newest().unwrap();
            assert_eq!(newest.checkpoint.as_ref().map(|found| found.state.update), Some(10), "{name}");
            assert_eq!(newest.skipped.len(), 1);
            assert!(newest.skipped[0].path == path && newest.skipped[0].reason.contains('`'), "{newest:?}");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(checkpoints.newest().unwrap().skipped.len(), 1, "{name} is gone");
        fs::write(&file, whole).unwrap();
    }
    assert_eq!(checkpoints.newest().unwrap().checkpoint.unwrap().state.update, 20);
}

/// Two updates of a row of two: the first makes room by removing, the second replaces a checkpoint of the same update.
#[test]
fn under_every_fault_the_newest_checkpoint_is_the_old_or_the_new_one() {
    let at = |root: &Path| Checkpoints::new(root.join("checkpoints"), Retention::newest(2));
    for update in [30, 20] {
        let before = |root: &Path| [10, 20].into_iter().for_each(|update| drop(save(&at(root), update)));
        let work = |root: &Path| try_save(&at(root), update).map(drop);
        let n_struck = files::faults::everywhere(before, work, |root, is_done| {
            let newest = at(root).newest().unwrap();
            let found = newest.checkpoint.unwrap();
            assert!(found.state.update == update || (!is_done && found.state.update == 20), "{found:?}");
            assert_eq!(found.weights().unwrap()[0].data[0], found.state.update as f32);
            assert!(newest.skipped.is_empty(), "{:?}", newest.skipped);
            let expected = if update == 30 { ["000020", "000030"] } else { ["000010", "000020"] };
            let mut names = names(&at(root).folder);
            names.retain(|name| !name.starts_with(files::UNFINISHED));
            assert!(!is_done || names == expected, "{names:?}");
        });
        assert!(n_struck > 60, "{n_struck} operations");
    }
}

#[test]
fn damaged_ones_do_not_crowd_out_whole_ones_and_later_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().into(), Retention::newest(2));
    for update in [10, 20, 30] {
        save(&checkpoints, update);
    }
    assert_eq!(names(folder.path()), ["000020", "000030"]);
    fs::remove_file(folder.path().join("000030").join(COMMIT)).unwrap();
    fs::create_dir(folder.path().join("kept by hand")).unwrap();
    // The run went on from 20, and comes to 25 and then to 30 again.
    save(&checkpoints, 25);
    assert_eq!(names(folder.path()), ["000020", "000025", "kept by hand"]);
    save(&checkpoints, 30);
    save(&checkpoints, 30);
    assert_eq!(names(folder.path()), ["000025", "000030", "kept by hand"]);
    assert_eq!(checkpoints.newest().unwrap().checkpoint.unwrap().state.update, 30);
}

#[test]
fn the_checkpoint_to_roll_back_to_and_every_so_many_stay() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().into(), Retention { newest: 1, multiples_of: Some(20) });
    let tensor = [TensorRef { name: "w", shape: &[1], data: &[1.0] }];
    for (update, anchor) in [(10, 10), (20, 20), (30, 30), (33, 30), (36, 30)] {
        checkpoints.save(&TrainState { anchor, ..state(update) }, &tensor, &tensor).unwrap();
    }
    assert_eq!(names(folder.path()), ["000020", "000030", "000036"]);
    assert_eq!(checkpoints.at(30).unwrap().state.update, 30);
    assert!(checkpoints.at(33).unwrap_err().to_string().contains("000033"));
}
