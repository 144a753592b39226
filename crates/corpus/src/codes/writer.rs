//! Writing codes so that an interrupted run loses one clip at most.
//!
//! The codes of a shard go to a growing raw file; after each clip a line with their hash goes to a journal. Opening the shard again keeps
//! the clips whose codes agree with the journal, and cuts off the rest. A whole shard becomes `<shard>.npy`. Shards are independent, so
//! several jobs may write one each.

use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;

use files::{FilesError, GrowingFile, Npy, NpyWriter};

use super::{
    CodesHeader, CodesManifest, CodesShard, MANIFEST, SCHEMA, clips_by_shard, folder, read_manifest,
};
use crate::manifest::shard_name;
use crate::{Corpus, CorpusError};

/// Writes the codes of one tokenizer for a whole corpus.
pub struct CodesWriter<'a> {
    corpus: &'a Corpus,
    header: CodesHeader,
    folder: PathBuf,
    clips: Vec<Range<usize>>,
}

impl<'a> CodesWriter<'a> {
    /// Begins, or goes on where an earlier run stopped.
    pub fn open(corpus: &'a Corpus, header: CodesHeader) -> Result<Self, CorpusError> {
        header.check()?;
        let folder = folder(corpus, &header.tokenizer)?;
        if let Some(manifest) = read_manifest(&folder)?
            && (manifest.header != header || manifest.corpus != corpus.content_hash())
        {
            let reason = "the corpus has them already, with another header or of another version".into();
            return Err(CorpusError::Codes { tokenizer: header.tokenizer, reason });
        }
        files::create_directories(&folder)?;
        Ok(Self { corpus, header, folder, clips: clips_by_shard(corpus) })
    }

    /// Whether everything is written.
    pub fn is_finished(&self) -> bool {
        self.folder.join(MANIFEST).exists()
    }

    /// Shards whose codes are not whole yet.
    pub fn pending_shards(&self) -> Vec<usize> {
        (0..self.clips.len()).filter(|&shard| !self.is_written(shard)).collect()
    }

    /// Opens a shard for writing.
    ///
    /// # Panics
    /// When the corpus has no such shard.
    pub fn shard(&self, shard: usize) -> Result<ShardCodesWriter<'_>, CorpusError> {
        ShardCodesWriter::open(self, shard)
    }

    /// Writes `codes.toml` when all shards are whole.
    pub fn finish(&self) -> Result<(), CorpusError> {
        if self.is_finished() {
            return Ok(());
        }
        if let Some(shard) = self.pending_shards().first() {
            let reason = format!("shard {shard} is not whole yet");
            return Err(CorpusError::Codes { tokenizer: self.header.tokenizer.clone(), reason });
        }
        let mut shards = Vec::with_capacity(self.clips.len());
        for shard in 0..self.clips.len() {
            let sha256 = files::hash_file(&self.file(shard))?.to_string();
            shards.push(CodesShard { frames: self.n_frames(shard), sha256 });
        }
        // A run that was killed after naming a shard left its work files.
        for file in (0..self.clips.len()).flat_map(|shard| self.work_files(shard)) {
            files::remove_file(&file)?;
        }
        let (corpus, header) = (self.corpus.content_hash(), self.header.clone());
        let manifest = CodesManifest { schema: SCHEMA, corpus, header, shards };
        let text = toml::to_string(&manifest).expect("a checked header is plain data");
        Ok(files::write_atomic(&self.folder.join(MANIFEST), text.as_bytes())?)
    }

    fn file(&self, shard: usize) -> PathBuf {
        self.folder.join(shard_name(shard))
    }

    /// The growing codes of a shard, and their journal.
    fn work_files(&self, shard: usize) -> [PathBuf; 2] {
        ["partial", "partial.hashes"].map(|ending| self.folder.join(format!("{shard:05}.{ending}")))
    }

    fn n_frames(&self, shard: usize) -> u64 {
        self.corpus.clips()[self.clips[shard].clone()].iter().map(crate::Clip::n_frames).sum()
    }

    fn is_written(&self, shard: usize) -> bool {
        let shape = [self.n_frames(shard) as usize, self.header.n_codebooks];
        Npy::<u16>::open(&self.file(shard)).is_ok_and(|codes| codes.shape() == shape)
    }
}

/// Writes the codes of the clips of one shard, in order.
pub struct ShardCodesWriter<'a> {
    of: &'a CodesWriter<'a>,
    shard: usize,
    next: usize,
    /// Codes so far and their journal; none where the shard is whole.
    growing: Option<Growing>,
}

struct Growing {
    raw: GrowingFile,
    raw_file: PathBuf,
    journal: GrowingFile,
    journal_file: PathBuf,
}

impl<'a> ShardCodesWriter<'a> {
    fn open(of: &'a CodesWriter<'a>, shard: usize) -> Result<Self, CorpusError> {
        let [raw_file, journal_file] = of.work_files(shard);
        let clips = of.clips[shard].clone();
        if of.is_written(shard) {
            return Ok(Self { of, shard, next: clips.end, growing: None });
        }
        let (raw, journal) = (GrowingFile::open(&raw_file)?, GrowingFile::open(&journal_file)?);
        let mut growing = Growing { raw, raw_file, journal, journal_file };
        let mut writer = Self { of, shard, next: clips.start, growing: None };
        writer.resume(&mut growing, clips)?;
        writer.growing = Some(growing);
        Ok(writer)
    }

    /// Keeps the clips that agree with the journal.
    fn resume(&mut self, growing: &mut Growing, clips: Range<usize>) -> Result<(), CorpusError> {
        // The corpus is part of every hash: codes of another corpus are not taken up.
        let journal = std::fs::read_to_string(&growing.journal_file).unwrap_or_default();
        let mut reader = growing.raw.reader()?;
        let (mut kept_bytes, mut kept_journal) = (0, 0);
        for (clip, line) in clips.zip(journal.split_inclusive('\n')) {
            let mut bytes = vec![0; self.n_codes(clip) * size_of::<u16>()];
            let is_whole = reader.read_exact(&mut bytes).is_ok();
            if !is_whole || line.strip_suffix('\n') != Some(&self.hash(clip, &bytes)) {
                break;
            }
            kept_bytes += bytes.len() as u64;
            kept_journal += line.len() as u64;
            self.next = clip + 1;
        }
        growing.raw.cut(kept_bytes)?;
        Ok(growing.journal.cut(kept_journal)?)
    }

    /// Positions in `corpus.clips()` of the clips still to come.
    pub fn pending(&self) -> Range<usize> {
        self.next..self.of.clips[self.shard].end
    }

    /// Appends the codes of the next pending clip.
    ///
    /// # Shapes
    /// - `codes`: `[ceil(samples / 320), K]`, row-major
    pub fn push(&mut self, codes: &[u16]) -> Result<(), CorpusError> {
        let header = &self.of.header;
        let fail = |reason: String| CorpusError::Codes { tokenizer: header.tokenizer.clone(), reason };
        if self.pending().is_empty() {
            return Err(fail(format!("shard {} has codes for all its clips", self.shard)));
        }
        let clip = self.next;
        let id = &self.of.corpus.clips()[clip].id;
        if codes.len() != self.n_codes(clip) {
            return Err(fail(format!("clip `{id}` needs {} codes, not {}", self.n_codes(clip), codes.len())));
        }
        if let Some(code) = codes.iter().find(|&&code| usize::from(code) >= header.n_entries) {
            return Err(fail(format!("clip `{id}` has code {code}, entries end at {}", header.n_entries)));
        }
        let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
        let line = self.hash(clip, &bytes) + "\n";
        let growing = self.growing.as_mut().expect("a shard with pending clips is not whole");
        let length = growing.raw.length();
        growing.raw.append(&bytes)?;
        // Neither is synced: what a power cut takes of them, the hashes tell.
        if let Err(error) = growing.journal.append(line.as_bytes()) {
            growing.raw.cut(length)?;
            return Err(error.into());
        }
        self.next += 1;
        Ok(())
    }

    /// Puts the whole shard under its name.
    pub fn finish(self) -> Result<(), CorpusError> {
        let tokenizer = &self.of.header.tokenizer;
        if !self.pending().is_empty() {
            let reason = format!("shard {} still lacks {} clips", self.shard, self.pending().len());
            return Err(CorpusError::Codes { tokenizer: tokenizer.clone(), reason });
        }
        let Some(growing) = self.growing else { return Ok(()) };
        let mut array = NpyWriter::<u16>::create(&self.of.file(self.shard), &[self.of.header.n_codebooks])?;
        let mut reader = growing.raw.reader()?;
        let mut block = vec![0; size_of::<u16>() << 15];
        let mut left = growing.raw.length() as usize;
        while left > 0 {
            let block = &mut block[..left.min(size_of::<u16>() << 15)];
            reader.read_exact(block).map_err(FilesError::io("read", &growing.raw_file))?;
            let codes: Vec<u16> =
                block.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            array.push(&codes)?;
            left -= block.len();
        }
        array.finish()?;
        files::remove_file(&growing.raw_file)?;
        Ok(files::remove_file(&growing.journal_file)?)
    }

    fn n_codes(&self, clip: usize) -> usize {
        self.of.corpus.clips()[clip].n_frames() as usize * self.of.header.n_codebooks
    }

    fn hash(&self, clip: usize, bytes: &[u8]) -> String {
        let mut hasher = files::Hasher::default();
        let clip = &self.of.corpus.clips()[clip];
        let header = &self.of.header;
        hasher.part(&clip.id).part(&clip.source_sha256).part(self.of.corpus.content_hash());
        hasher.part(header.n_codebooks.to_le_bytes()).part(header.n_entries.to_le_bytes());
        hasher.part(bytes).finish().short()
    }
}
