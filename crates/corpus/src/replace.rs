//! Replacing a finished corpus by another: the new one is made beside it and takes its place in one step, so that at any moment there is a
//! whole corpus, and an interrupted replacement is gone on with.

use std::path::{Path, PathBuf};

use files::FilesError;

use crate::prepare::{AUDIO, CLIPS, CODES, PARTS, QUARANTINE, REPORT};
use crate::{CorpusError, Prepared, links, manifest};

/// Where the new corpus is made: `.replacing-culturemert-<name>` beside the old one.
pub(crate) fn beside(out: &Path) -> PathBuf {
    let out = out.canonicalize().unwrap_or_else(|_| out.into());
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    out.with_file_name(format!(".replacing-culturemert-{name}"))
}

/// Makes the corpus with `make` beside `out` and lets the two change places; the old one is removed.
pub(crate) fn replace(
    out: &Path,
    make: impl FnOnce(&Path) -> Result<Prepared, CorpusError>,
) -> Result<Prepared, CorpusError> {
    refuse_foreign(out)?;
    let next = beside(out);
    links::refuse(next.parent().unwrap_or(&next), next.file_name())?;
    links::refuse(&next, [PARTS, CLIPS, QUARANTINE, REPORT, AUDIO, CODES])?;
    let prepared = make(&next)?;
    if matches!(prepared, Prepared::ShareDecoded { .. }) {
        return Ok(prepared);
    }
    let real = out.canonicalize().map_err(FilesError::io("resolve", out))?;
    files::put_in_place(&next, &real)?;
    files::remove_directory(&next)?;
    Ok(prepared)
}

/// What is no part of a corpus would go with the old one.
fn refuse_foreign(out: &Path) -> Result<(), CorpusError> {
    for entry in std::fs::read_dir(out).map_err(FilesError::io("list", out))? {
        let name = entry.map_err(FilesError::io("list", out))?.file_name().to_string_lossy().into_owned();
        let ours = [manifest::FILE, PARTS, CLIPS, QUARANTINE, REPORT, AUDIO, CODES];
        if !ours.contains(&name.as_str()) && !name.starts_with(".tmp-") {
            return Err(CorpusError::Occupied { out: out.into(), found: name });
        }
    }
    Ok(())
}
