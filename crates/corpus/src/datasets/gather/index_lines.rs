//! What was gathered in the words of `prepare` and of the sampler.

use std::path::Path;

use files::FilesError;
use serde_json::json;

use super::DataReport;
use crate::{Clip, CorpusError, PrepareSettings, segments};

/// JSON lines, one a recording.
pub(super) fn of(report: &DataReport, folder: &Path) -> Result<String, CorpusError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(FilesError::io("find", path));
    let folder = absolute(folder)?;
    let mut lines = String::new();
    for set in &report.sets {
        for file in &set.files {
            let path = absolute(&file.file)?;
            let path = path.strip_prefix(&folder).unwrap_or(&path);
            let text = path.to_str().ok_or_else(|| CorpusError::DataSet {
                name: set.name.clone(),
                reason: format!(
                    "the name of `{}` is not UTF-8, so no index can hold it; rename it",
                    path.display()
                ),
            })?;
            let mut line = json!({
                "path": text,
                "culture": set.culture,
                "split": file.split,
                "licence": set.licence,
            });
            if let Some(group) = &file.group {
                line["group"] = group.as_str().into();
            }
            if let Some((start, end)) = file.piece {
                line["start"] = start.into();
                line["end"] = end.into();
            }
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
    }
    Ok(lines)
}

/// The segments of every recording, with nothing known of what sounds in them.
pub(super) fn clips(report: &DataReport) -> Vec<Clip> {
    let settings = PrepareSettings::default();
    let mut clips = Vec::new();
    for set in &report.sets {
        for file in &set.files {
            let samples = (file.seconds * f64::from(audio::SAMPLE_RATE)) as u64;
            let source = format!("{}/{}", set.name, file.id);
            let ranges = segments::cut(samples, settings.segment_samples(), settings.min_samples());
            clips.extend(ranges.into_iter().enumerate().map(|(segment, range)| Clip {
                id: format!("{source}#{segment}"),
                source: source.clone(),
                source_sha256: file.sha256.clone(),
                start: range.start,
                samples: range.end - range.start,
                culture: set.culture.clone(),
                split: file.split,
                group: file.group.clone(),
                tags: Vec::new(),
                licence: Some(set.licence.clone()),
                shard: 0,
                offset: 0,
                silent: false,
            }));
        }
    }
    clips
}
