//! Clip features of a corpus kept in a folder, one file a recording, so that the jobs of an array can each compute a share of them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use corpus::{Clip, Corpus};

use crate::embedding::Embedder;
use crate::evaluation::Rows;
use crate::probing::embed_recording;
use crate::terminal::Terminal;

/// Changes whenever the same model and sound give other features.
const VERSION: u32 = 1;

/// Features of one model's, in a folder.
pub(crate) struct KeptClips<'a> {
    folder: PathBuf,
    /// What computes them, as text.
    encoder: String,
    pub(crate) embedder: &'a Embedder,
    terminal: &'a Terminal,
}

impl<'a> KeptClips<'a> {
    /// Those of the model with the hash `identity`, which `embedder` computes, below `folder`.
    pub(crate) fn open(
        folder: &Path,
        identity: &str,
        embedder: &'a Embedder,
        terminal: &'a Terminal,
    ) -> anyhow::Result<Self> {
        let place = embedder.card().unwrap_or_else(|| "processor".into());
        let encoder = format!("{VERSION} {identity} {place} normalises {}", embedder.normalises());
        let folder = folder.join(files::hash_bytes(encoder.as_bytes()).short());
        files::create_directories(&folder)?;
        Ok(Self { folder, encoder, embedder, terminal })
    }

    /// Features of the clips of one recording, empty for those too short: as they are kept, or computed and kept.
    pub(crate) fn of(&self, corpus: &Corpus, range: Range<usize>) -> anyhow::Result<Vec<Vec<f32>>> {
        let clips = &corpus.clips()[range.clone()];
        let shape = [self.embedder.n_states(), self.embedder.width()];
        let file = self.folder.join(format!("{}.safetensors", heard(clips).short()));
        if let Some(Rows { rows, places }) = Rows::read(&file, shape, clips.len(), self.terminal) {
            let mut of_clips = vec![Vec::new(); clips.len()];
            for (place, row) in places.into_iter().zip(rows.chunks_exact(shape[0] * shape[1])) {
                of_clips[place] = row.to_vec();
            }
            return Ok(of_clips);
        }
        let of_clips = embed_recording(self.embedder, corpus, range)?;
        let places = (0..of_clips.len()).filter(|&clip| !of_clips[clip].is_empty()).collect();
        Rows { rows: of_clips.concat(), places }.write(&file, shape, &[("encoder", &self.encoder)])?;
        Ok(of_clips)
    }
}

/// What is heard of a recording: its contents, and how they are cut.
fn heard(clips: &[Clip]) -> files::ContentHash {
    let mut hasher = files::Hasher::default();
    for clip in clips {
        hasher.part(&clip.source_sha256).part(clip.start.to_le_bytes()).part(clip.samples.to_le_bytes());
    }
    hasher.finish()
}
