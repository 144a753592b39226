//! What lies outside the study, without reading it: names and sizes.

use std::path::Path;

use files::FilesError;

/// A hash of the names and sizes of all files below `path`, or of the one file it is. Sound that is exchanged for other sound of the same name and
/// size is not noticed here; `culturemert prepare` and evaluations look at the contents once they read them.
pub(super) fn listing(path: &Path) -> anyhow::Result<String> {
    let mut lines: Vec<String> = Vec::new();
    if path.is_dir() {
        walk(path, "", &mut lines)?;
    } else {
        let size = std::fs::metadata(path).map_err(FilesError::io("look at", path))?.len();
        lines.push(size.to_string());
    }
    lines.sort();
    Ok(files::hash_bytes(lines.join("\n").as_bytes()).to_string())
}

fn walk(root: &Path, below: &str, lines: &mut Vec<String>) -> anyhow::Result<()> {
    let folder = root.join(below);
    for entry in std::fs::read_dir(&folder).map_err(FilesError::io("list", &folder))? {
        let entry = entry.map_err(FilesError::io("list", &folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        // Links are followed once, to files: collections are often put together from them.
        let Ok(metadata) = std::fs::metadata(entry.path()) else { continue };
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if metadata.is_dir() && !is_link {
            walk(root, &name, lines)?;
        } else if metadata.is_file() {
            lines.push(format!("{name}\t{}", metadata.len()));
        }
    }
    Ok(())
}
