//! Tables of annotations, and what is wrong with them.

use std::path::Path;

use culturemert_corpus::{AnnotationKind, Annotations};

fn written(folder: &Path, name: &str, text: &str) -> Annotations {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    Annotations::read(&path).unwrap()
}

#[test]
fn columns_say_what_is_annotated() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let events = written(dir, "events.tsv", "id\ttime\tlabel\na\t1\tsama\na\t0.5\tbeat\na\t1\tbeat\n");
    assert_eq!(
        (events.kind(), events.outputs()),
        (AnnotationKind::Events, vec!["beat".into(), "sama".into()])
    );
    let frames = events.frames("a", 1000, 0);
    assert!((frames[0].seconds - 0.5).abs() < 0.021 && frames[0].outputs == [0]);
    assert!(
        frames.iter().any(|frame| frame.outputs == [0, 1])
            && frames.iter().any(|frame| frame.outputs.is_empty())
    );
    let spans = written(dir, "spans.csv", "id,time,end,label\na,0,0.1,alap\na,0.2,0.3,\"gat, drut\"\n");
    assert_eq!((spans.kind(), spans.outputs().len()), (AnnotationKind::Spans, 2));
    assert!(spans.frames("a", 1000, 0).iter().all(|frame| !(0.1..0.2).contains(&frame.seconds)));
    // An octave and a fifth above the tonic is seven semitones; silence and doubt are left out.
    let melody =
        "id\ttime\thz\ttonic\na\t0.005\t450\t150\na\t0.02\t0\t150\na\t0.035\t-440\t150\na\t0.045\t147\t150\n";
    let melody = written(dir, "melody.tsv", melody);
    assert_eq!((melody.kind(), melody.outputs().len()), (AnnotationKind::Melody, 12));
    let classes: Vec<_> = melody.frames("a", 1000, 0).into_iter().map(|frame| frame.outputs).collect();
    assert_eq!(classes, [[7], [0]]);
    assert!(melody.frames("b", 1000, 0).is_empty());
}

#[test]
fn files_of_archives_are_read_where_the_table_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    std::fs::create_dir(dir.join("sub")).unwrap();
    std::fs::write(dir.join("sub/a.sama.txt"), "# made by hand\n0.5, 1\n1.5, 2\n\n").unwrap();
    let sama = written(dir, "sama.tsv", "id\tfile\na\tsub/a.sama.txt\n");
    assert_eq!((sama.kind(), sama.outputs()), (AnnotationKind::Events, vec!["event".into()]));
    assert_eq!(sama.frames("a", 1000, 0).iter().filter(|frame| !frame.outputs.is_empty()).count(), 6);
    std::fs::write(dir.join("a.pitch.txt"), "time\thz\n0.0\t200.0\n0.0045\t100.0\n0.02\t0.0\n").unwrap();
    let pitch = written(dir, "pitch.tsv", "id\tfile\ttonic\na\ta.pitch.txt\t100\n");
    assert_eq!(pitch.frames("a", 1000, 0).len(), 1);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.tsv");
    std::fs::write(folder.path().join("short.txt"), "1.0\n").unwrap();
    for (text, part) in [
        ("", "no column `id`"),
        ("id\ttime\tlabel\n", "annotates nothing"),
        ("id\ttime\thz\na\t1\t1\n", "do not say what is annotated"),
        ("id\ttime\tlabel\na\t1\n", "line 2: it has 2 fields"),
        ("id\ttime\tlabel\n\t1\tx\n", "line 2: it names no recording"),
        ("id\ttime\tlabel\na\tnan\tx\n", "`nan` is no time"),
        ("id\ttime\tlabel\na\t-1\tx\n", "`-1` is no time"),
        ("id\ttime\tlabel\na\t1\t\n", "its label is empty"),
        ("id\ttime\tend\tlabel\na\t2\t1\tx\n", "ends at 1 s and starts at 2 s"),
        ("id\ttime\tend\tlabel\na\t0\t2\tx\na\t1\t3\ty\n", "overlap"),
        ("id\ttime\thz\ttonic\na\t0\t100\t0\n", "tonic is 0 Hz"),
        ("id\ttime\thz\ttonic\na\t0\t100\t100\na\t1\t100\t101\n", "line 3: its recording has a tonic of 101"),
        ("id\ttime\thz\ttonic\na\t0\tinf\t100\n", "`inf` is no frequency"),
        ("id\tfile\na\t../x\n", "no file below the table's folder"),
        ("id\tfile\na\t/etc/passwd\n", "no file below the table's folder"),
        ("id\tfile\na\tabsent.txt\n", "absent.txt"),
        ("id\tfile\ttonic\na\tshort.txt\t100\n", "line 1: it has a time and no frequency"),
    ] {
        std::fs::write(&path, text).unwrap();
        let said = Annotations::read(&path).unwrap_err().to_string();
        assert!(said.contains(part), "{text:?}: {said}");
    }
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(Annotations::read(&path).is_err());
}
