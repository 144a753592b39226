//! The table of annotations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use csv::StringRecord;
use files::FilesError;

use super::{AnnotationKind, Annotations, FRAMES_A_SECOND, Mark, PITCH_CLASSES, middle_of_frame, track};
use crate::CorpusError;
use crate::index::MOST_SECONDS;
use crate::table::{Delimiter, Rows};

/// Highest frequency that is accepted, hertz.
const MOST_HERTZ: f64 = 20_000.0;
/// Label of events where the table has no column for it.
const EVENT: &str = "event";

/// What a recording has before labels are numbered.
#[derive(Default)]
struct Raw {
    /// Start, end, label.
    spans: Vec<(f64, f64, String)>,
    /// Time and frequency.
    melody: Vec<(f64, f64)>,
    tonic: Option<f64>,
}

/// Places of the columns.
struct Columns {
    id: usize,
    time: Option<usize>,
    file: Option<usize>,
    end: Option<usize>,
    label: Option<usize>,
    hz: Option<usize>,
    tonic: Option<usize>,
}

pub(super) fn read(path: &Path) -> Result<Annotations, CorpusError> {
    let text = std::fs::read_to_string(path).map_err(FilesError::io("read", path))?;
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let delimiter = if is_csv { Delimiter::Comma } else { Delimiter::Tab };
    let whole = |reason: String| CorpusError::Index { index: path.into(), reason };
    let rows = Rows::open(path, &text, delimiter)?;
    let (kind, columns) = columns(rows.header()).map_err(whole)?;
    let mut raw: BTreeMap<String, Raw> = BTreeMap::new();
    for row in rows {
        let (line, record) = row?;
        let id = record[columns.id].trim();
        if id.is_empty() {
            let reason = "it names no recording".into();
            return Err(CorpusError::IndexLine { index: path.into(), line, reason });
        }
        add(path, line, kind, &columns, &record, raw.entry(id.to_owned()).or_default())?;
    }
    if raw.is_empty() {
        return Err(whole("it annotates nothing".into()));
    }
    numbered(kind, raw).map_err(whole)
}

/// What the columns are, and so what is annotated.
fn columns(header: &StringRecord) -> Result<(AnnotationKind, Columns), String> {
    let at = |name: &str| header.iter().position(|column| column.trim() == name);
    let columns = Columns {
        id: at("id").ok_or_else(|| {
            format!("it has no column `id`, only: {}", header.iter().collect::<Vec<_>>().join(", "))
        })?,
        time: at("time"),
        file: at("file"),
        end: at("end"),
        label: at("label"),
        hz: at("hz"),
        tonic: at("tonic"),
    };
    let kind = match &columns {
        Columns {
            time: Some(_), hz: Some(_), tonic: Some(_), file: None, end: None, label: None, ..
        }
        | Columns { file: Some(_), tonic: Some(_), time: None, hz: None, end: None, label: None, .. } => {
            AnnotationKind::Melody
        }
        Columns {
            time: Some(_), end: Some(_), label: Some(_), file: None, hz: None, tonic: None, ..
        } => AnnotationKind::Spans,
        Columns { time: Some(_), file: None, end: None, hz: None, tonic: None, .. }
        | Columns { file: Some(_), time: None, end: None, hz: None, tonic: None, .. } => {
            AnnotationKind::Events
        }
        _ => {
            return Err(
                "its columns do not say what is annotated: `time label` are events, `time end label` spans, \
                        `time hz tonic` a melody; `file` may stand for `time` or `time hz`"
                    .into(),
            );
        }
    };
    Ok((kind, columns))
}

fn add(
    path: &Path,
    line: u64,
    kind: AnnotationKind,
    columns: &Columns,
    record: &StringRecord,
    raw: &mut Raw,
) -> Result<(), CorpusError> {
    let fail = |reason: String| CorpusError::IndexLine { index: path.into(), line, reason };
    let text = |column: Option<usize>| column.map_or("", |column| record[column].trim());
    let is_melody = kind == AnnotationKind::Melody;
    let rows = match columns.file {
        Some(_) => track::read(path, line, text(columns.file), is_melody)?,
        None if is_melody => {
            vec![(time(text(columns.time)).map_err(fail)?, frequency(text(columns.hz)).map_err(fail)?)]
        }
        None => vec![(time(text(columns.time)).map_err(fail)?, 0.0)],
    };
    if is_melody {
        let tonic = frequency(text(columns.tonic)).map_err(fail)?;
        if tonic == 0.0 {
            return Err(fail("its tonic is 0 Hz".into()));
        }
        if raw.tonic.is_some_and(|before| before.total_cmp(&tonic).is_ne()) {
            return Err(fail(format!("its recording has a tonic of {tonic} Hz here and another one before")));
        }
        raw.tonic = Some(tonic);
        raw.melody.extend(rows);
        return Ok(());
    }
    let label = if columns.label.is_some() { text(columns.label) } else { EVENT };
    if label.is_empty() {
        return Err(fail("its label is empty".into()));
    }
    for (start, _) in rows {
        let end = if kind == AnnotationKind::Spans { time(text(columns.end)).map_err(fail)? } else { start };
        if kind == AnnotationKind::Spans && end <= start {
            return Err(fail(format!("its span ends at {end} s and starts at {start} s")));
        }
        raw.spans.push((start, end, label.to_owned()));
    }
    Ok(())
}

/// Labels by their places, everything in the order of time.
fn numbered(kind: AnnotationKind, raw: BTreeMap<String, Raw>) -> Result<Annotations, String> {
    let labels: BTreeSet<&String> =
        raw.values().flat_map(|raw| &raw.spans).map(|(_, _, label)| label).collect();
    let labels: Vec<String> = labels.into_iter().cloned().collect();
    let mut of = BTreeMap::new();
    for (id, raw) in raw {
        let mut marks: Vec<Mark> = match kind {
            AnnotationKind::Melody => melody(raw.melody, raw.tonic.unwrap_or(1.0)),
            AnnotationKind::Events | AnnotationKind::Spans => {
                let place = |label: &String| labels.binary_search(label).unwrap_or_default();
                raw.spans
                    .iter()
                    .map(|(start, end, label)| Mark { start: *start, end: *end, output: place(label) })
                    .collect()
            }
        };
        marks.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.output.cmp(&b.output)));
        if kind == AnnotationKind::Spans
            && let Some(pair) = marks.windows(2).find(|pair| pair[1].start < pair[0].end)
        {
            let (before, after) = (pair[0], pair[1]);
            return Err(format!(
                "spans of `{id}` overlap: one ends at {} s, the next begins at {} s",
                before.end, after.start
            ));
        }
        of.insert(id, marks);
    }
    Ok(Annotations { kind, labels, of })
}

/// The pitch class of every frame that has a pitch: that of the measurement nearest to its middle, at most half a frame away.
fn melody(mut rows: Vec<(f64, f64)>, tonic: f64) -> Vec<Mark> {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut nearest: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (seconds, hz) in rows {
        let frame = (seconds * FRAMES_A_SECOND) as usize;
        let distance = (middle_of_frame(frame) - seconds).abs();
        let kept = nearest.entry(frame).or_insert((distance, hz));
        if distance < kept.0 {
            *kept = (distance, hz);
        }
    }
    let mark = |(frame, (_, hz)): (usize, (f64, f64))| {
        let semitones = (PITCH_CLASSES as f64 * (hz / tonic).log2()).round();
        Mark {
            start: frame as f64 / FRAMES_A_SECOND,
            end: (frame + 1) as f64 / FRAMES_A_SECOND,
            output: semitones.rem_euclid(PITCH_CLASSES as f64) as usize,
        }
    };
    nearest.into_iter().filter(|(_, (_, hz))| *hz > 0.0).map(mark).collect()
}

/// A time of a recording, seconds.
pub(super) fn time(text: &str) -> Result<f64, String> {
    number(text, MOST_SECONDS).ok_or_else(|| format!("`{text}` is no time from 0 to {MOST_SECONDS} s"))
}

/// A frequency in hertz; 0 is no pitch, and so are the negative numbers by which some trackers mark doubtful ones.
pub(super) fn frequency(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(hz) if hz.is_finite() && hz <= 0.0 => Ok(0.0),
        _ => {
            number(text, MOST_HERTZ).ok_or_else(|| format!("`{text}` is no frequency up to {MOST_HERTZ} Hz"))
        }
    }
}

fn number(text: &str, most: f64) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| (0.0..=most).contains(number))
}
