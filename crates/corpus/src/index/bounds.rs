//! What a field of an index may hold.
//!
//! The bounds keep every line of `clips.jsonl` below what a reader of the corpus accepts: a clip repeats its fields, and JSON writes a
//! control character in six bytes. Cultures name folders of what is made from them, so they are plain names.

use super::Recording;

/// Longest path, bytes: what the common systems accept.
const MAX_PATH_BYTES: usize = 4096;
/// Longest culture, bytes: a folder's name on the common systems.
const MAX_CULTURE_BYTES: usize = 255;
/// Longest group or licence, bytes.
const MAX_TEXT_BYTES: usize = 4096;
/// Longest list of tags, bytes.
const MAX_TAGS_BYTES: usize = 1 << 16;

/// What is wrong with the name of a culture.
pub(crate) fn fault_of_culture(culture: &str) -> Option<String> {
    if culture.is_empty() {
        return Some("it has no culture".into());
    }
    if culture.len() > MAX_CULTURE_BYTES {
        return Some(format!("its culture is longer than {MAX_CULTURE_BYTES} bytes"));
    }
    let is_plain = |letter: char| !letter.is_control() && letter != '/' && letter != '\\';
    if culture.starts_with('.') || !culture.chars().all(is_plain) {
        return Some(format!(
            "its culture {culture:?} is no plain name: it starts with `.` or holds a slash or a control character"
        ));
    }
    None
}

/// What is wrong with a recording's description by itself.
pub(super) fn fault(recording: &Recording) -> Option<String> {
    let tags_bytes: usize = recording.tags.iter().map(String::len).sum::<usize>() + recording.tags.len();
    let texts = [
        ("path", recording.source.len().max(recording.path.as_os_str().len()), MAX_PATH_BYTES),
        ("group", recording.group.as_ref().map_or(0, String::len), MAX_TEXT_BYTES),
        ("licence", recording.licence.as_ref().map_or(0, String::len), MAX_TEXT_BYTES),
        ("list of tags", tags_bytes, MAX_TAGS_BYTES),
    ];
    if let Some((what, bytes, most)) = texts.into_iter().find(|(_, bytes, most)| bytes > most) {
        return Some(format!("its {what} has {bytes} bytes, at most {most} are kept"));
    }
    fault_of_culture(&recording.culture)
}
