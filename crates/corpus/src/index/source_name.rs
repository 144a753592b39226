//! The name of a recording inside the corpus: relative, clean, the same wherever the sources are moved together.

use std::path::{Component, Path, PathBuf};

/// Names `path` as the index at `root` gives it.
///
/// Below `root` the name is the path itself. Elsewhere it is `external/<16 digits>/<file name>`, the digits being a hash of the path,
/// so that a corpus tells nobody how its maker's disks are laid out.
pub(super) fn of(root: &Path, path: &Path) -> String {
    let below = if path.is_absolute() {
        lexical(path).strip_prefix(lexical(root)).ok().map(Path::to_path_buf)
    } else {
        Some(lexical(path))
    };
    let is_clean = |path: &Path| {
        path.components().count() > 0 && path.components().all(|part| matches!(part, Component::Normal(_)))
    };
    if let Some(path) = below.filter(|path| is_clean(path)) {
        return joined(&path);
    }
    let digits = files::hash_bytes(path.as_os_str().as_encoded_bytes()).short();
    // A path such as `.` names a folder; whoever opens it will say so.
    let name = path.file_name().map_or_else(|| "unnamed".into(), |name| name.to_string_lossy().into_owned());
    format!("external/{digits}/{name}")
}

/// `path` without `.` and with every `name/..` taken out, as far as the text alone tells.
pub(super) fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// The parts of a clean path joined by `/` on every system.
pub(super) fn joined(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(root: &str, path: &str, expected: &str) {
        let name = of(Path::new(root), Path::new(path));
        assert!(name == expected || name.starts_with(expected) && expected.ends_with("external/"), "{name}");
        assert!(
            !name.starts_with('/') && !name.split('/').any(|part| part == ".." || part.is_empty()),
            "{name}"
        );
    }

    #[test]
    fn names_are_relative_and_clean() {
        check("/data", "a/b.mp3", "a/b.mp3");
        check("/data", "./a/./b.mp3", "a/b.mp3");
        check("/data", "a/../b.mp3", "b.mp3");
        check("/data", "/data/a/b.mp3", "a/b.mp3");
        check("/data", "/other/b.mp3", "external/");
        check("/data", "../b.mp3", "external/");
        check("/data", "a/../../b.mp3", "external/");
    }

    #[test]
    fn a_path_without_a_file_name_has_a_name_of_three_parts() {
        for path in [".", "..", "a/..", "/", "../.."] {
            let name = of(Path::new("/data"), Path::new(path));
            assert!(name.starts_with("external/") && name.ends_with("/unnamed"), "{name}");
        }
    }

    #[test]
    fn two_outside_paths_have_two_names() {
        let root = Path::new("/data");
        assert_ne!(of(root, Path::new("../b.mp3")), of(root, Path::new("../../b.mp3")));
    }
}
