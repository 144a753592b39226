//! A prepared corpus, opened for reading.
//!
//! Opening checks the layout: schema, no links, every clip inside its array, ids unique, arrays as long as the manifest says. [`Corpus::verify`]
//! also hashes every byte. Names of files are made here, never read from the corpus, so nothing outside its directory is opened.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use files::FilesError;
use rayon::prelude::*;

use crate::manifest::{Manifest, shard_name};
use crate::prepare::{AUDIO, CLIPS, QUARANTINE, REPORT};
use crate::sample_format::SampleArray;
use crate::{Clip, CodesReader, CorpusError, PrepareReport, Quarantined, links};

/// Longest line of a corpus file, bytes. Ours are below a few thousand.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// A prepared corpus with its arrays mapped into memory.
pub struct Corpus {
    dir: PathBuf,
    /// Directory that holds the folder of codes.
    codes_dir: PathBuf,
    manifest: Manifest,
    clips: Vec<Clip>,
    shards: Vec<SampleArray>,
}

impl Corpus {
    /// Opens the corpus in `dir`.
    pub fn open(dir: &Path) -> Result<Self, CorpusError> {
        let manifest = Manifest::read(dir)?;
        links::refuse(dir, [AUDIO, CLIPS, QUARANTINE, REPORT])?;
        let arrays = (0..manifest.shards.len()).map(shard_name);
        links::refuse(&dir.join(AUDIO), arrays)?;
        let mut shards = Vec::with_capacity(manifest.shards.len());
        for (shard, stated) in manifest.shards.iter().enumerate() {
            let file = dir.join(AUDIO).join(shard_name(shard));
            let array = SampleArray::open(&file, manifest.settings.sample_format)?;
            if array.len() as u64 != stated.samples {
                let reason = format!("it has {} samples, the manifest says {}", array.len(), stated.samples);
                return Err(CorpusError::damaged(file, reason));
            }
            shards.push(array);
        }
        let clips = read_clips(&dir.join(CLIPS), &manifest)?;
        Ok(Self { dir: dir.into(), codes_dir: dir.into(), manifest, clips, shards })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The same corpus with its codes in the folder `codes` of another directory: for a corpus that is not to be written to, or codes of which
    /// there are several that are made and kept apart.
    #[must_use]
    pub fn with_codes_in(self, dir: &Path) -> Self {
        Self { codes_dir: dir.into(), ..self }
    }

    /// Directory that holds the folder of codes; by default the corpus's own.
    pub(crate) fn codes_dir(&self) -> &Path {
        &self.codes_dir
    }

    /// What `corpus.toml` says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// One hash that stands for the whole corpus: that of its clips and arrays.
    pub fn content_hash(&self) -> String {
        let mut hasher = files::Hasher::default();
        hasher.part(&self.manifest.clips_sha256);
        for shard in &self.manifest.shards {
            hasher.part(&shard.sha256);
        }
        hasher.finish().to_string()
    }

    /// All segments, in the order of the index they came from.
    pub fn clips(&self) -> &[Clip] {
        &self.clips
    }

    /// The clips of each recording, as ranges of positions in [`Corpus::clips`].
    pub fn recordings(&self) -> Vec<Range<usize>> {
        let mut first = 0;
        let of_one = |clips: &[Clip]| {
            let range = first..first + clips.len();
            first = range.end;
            range
        };
        self.clips.chunk_by(|a, b| a.source == b.source).map(of_one).collect()
    }

    /// Number of array files.
    pub fn n_shards(&self) -> usize {
        self.shards.len()
    }

    /// `n` samples of a clip of this corpus from its sample `start` on.
    pub fn samples(&self, clip: &Clip, start: u64, n: usize) -> Result<Vec<f32>, CorpusError> {
        let outside =
            || CorpusError::OutOfClip { clip: clip.id.clone(), samples: clip.samples, start, n: n as u64 };
        let end = start.checked_add(n as u64).filter(|&end| end <= clip.samples).ok_or_else(outside)?;
        let shard = self.shards.get(clip.shard).ok_or_else(outside)?;
        let stored_end = clip.offset.checked_add(end).ok_or_else(outside)?;
        if stored_end > shard.len() as u64 {
            return Err(outside());
        }
        let mut samples = vec![0.0; n];
        shard.read((clip.offset + start) as usize, &mut samples);
        Ok(samples)
    }

    /// All samples of a clip.
    pub fn clip_samples(&self, clip: &Clip) -> Result<Vec<f32>, CorpusError> {
        self.samples(clip, 0, clip.samples as usize)
    }

    /// Hashes of the tokenizers whose codes of the whole corpus are here, sorted.
    pub fn tokenizers(&self) -> Result<Vec<String>, CorpusError> {
        crate::codes::finished(self)
    }

    /// The codes that the tokenizer called `tokenizer` made of this corpus.
    pub fn codes(&self, tokenizer: &str) -> Result<CodesReader, CorpusError> {
        CodesReader::open(self, tokenizer)
    }

    /// What `prepare` reported.
    pub fn report(&self) -> Result<PrepareReport, CorpusError> {
        let file = self.dir.join(REPORT);
        let bytes = std::fs::read(&file).map_err(FilesError::io("read", &file))?;
        serde_json::from_slice(&bytes).map_err(|error| CorpusError::damaged(file, error.to_string()))
    }

    /// What could not be used, and why.
    pub fn quarantine(&self) -> Result<Vec<Quarantined>, CorpusError> {
        let file = self.dir.join(QUARANTINE);
        let mut quarantine = Vec::new();
        each_line(&file, |line| {
            quarantine.push(serde_json::from_str(line).map_err(|error| error.to_string())?);
            Ok(())
        })?;
        Ok(quarantine)
    }

    /// Hashes every file again; an error names the first that is not what was written.
    pub fn verify(&self) -> Result<(), CorpusError> {
        let texts = [
            (self.dir.join(CLIPS), &self.manifest.clips_sha256),
            (self.dir.join(QUARANTINE), &self.manifest.quarantine_sha256),
            (self.dir.join(REPORT), &self.manifest.report_sha256),
        ];
        let shards = self.manifest.shards.iter().enumerate();
        let arrays =
            shards.map(|(shard, stated)| (self.dir.join(AUDIO).join(shard_name(shard)), &stated.sha256));
        let all: Vec<(PathBuf, &String)> = texts.into_iter().chain(arrays).collect();
        let check = |(file, stated): &(PathBuf, &String)| {
            let found = files::hash_file(file)?.to_string();
            if found == **stated {
                return Ok(());
            }
            Err(CorpusError::damaged(file, format!("its sha256 is {found}, the manifest says {stated}")))
        };
        let checks: Vec<Result<(), CorpusError>> = all.par_iter().with_max_len(1).map(check).collect();
        checks.into_iter().collect()
    }
}

fn read_clips(file: &Path, manifest: &Manifest) -> Result<Vec<Clip>, CorpusError> {
    let mut clips: Vec<Clip> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut filled = (0, 0);
    each_line(file, |line| {
        let clip: Clip = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if let Some(fault) = clip.fault() {
            return Err(fault);
        }
        let shard = manifest.shards.get(clip.shard);
        let shard = shard.ok_or_else(|| format!("its shard {} does not exist", clip.shard))?;
        // Clips follow each other in the arrays; so no sample belongs to two of them.
        if (clip.shard, clip.offset) < filled {
            return Err(format!(
                "its samples {} of shard {} belong to an earlier clip",
                clip.offset, clip.shard
            ));
        }
        filled = (clip.shard, clip.offset + clip.samples);
        if filled.1 > shard.samples {
            return Err(format!("it ends at sample {} of a shard of {}", filled.1, shard.samples));
        }
        if !ids.insert(clip.id.clone()) {
            return Err(format!("its id `{}` is taken", clip.id));
        }
        clips.push(clip);
        Ok(())
    })?;
    Ok(clips)
}

/// Calls `take` with every line of a file; its complaint becomes an error that names file and line.
pub(crate) fn each_line(
    file: &Path,
    mut take: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), CorpusError> {
    use std::io::Read;
    let mut reader = BufReader::new(File::open(file).map_err(FilesError::io("open", file))?);
    let mut line = String::new();
    for number in 1u64.. {
        line.clear();
        let n_read = reader
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_line(&mut line)
            .map_err(FilesError::io("read", file))?;
        let fault = match n_read as u64 {
            0 => return Ok(()),
            MAX_LINE_BYTES => Err(format!("it is longer than {MAX_LINE_BYTES} bytes")),
            _ => take(line.trim_end_matches('\n')),
        };
        fault.map_err(|reason| CorpusError::damaged(file, format!("line {number}: {reason}")))?;
    }
    Ok(())
}
