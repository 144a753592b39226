use std::path::PathBuf;

use files::Npy;

use super::{CodesHeader, clips_by_shard, fault_of_name, folder, read_manifest};
use crate::manifest::shard_name;
use crate::{Corpus, CorpusError};

/// The codes of a whole corpus, mapped into memory.
pub struct CodesReader {
    header: CodesHeader,
    shards: Vec<Npy<u16>>,
    /// Per clip: shard, first frame, frames.
    places: Vec<(usize, u64, u64)>,
    /// File of each shard and its stated hash.
    stated: Vec<(PathBuf, String)>,
}

impl CodesReader {
    pub(crate) fn open(corpus: &Corpus, tokenizer: &str) -> Result<Self, CorpusError> {
        let fail = |reason: String| CorpusError::Codes { tokenizer: tokenizer.into(), reason };
        if let Some(reason) = fault_of_name(tokenizer) {
            return Err(fail(reason));
        }
        let folder = folder(corpus, tokenizer)?;
        let manifest =
            read_manifest(&folder)?.ok_or_else(|| fail("the corpus has none of these, or not all".into()))?;
        let header = manifest.header;
        header.check()?;
        if header.tokenizer != tokenizer {
            return Err(fail(format!("their header names another tokenizer, `{}`", header.tokenizer)));
        }
        if manifest.corpus != corpus.content_hash() || manifest.shards.len() != corpus.n_shards() {
            return Err(fail("they were made of another version of the corpus".into()));
        }
        let mut places = Vec::with_capacity(corpus.clips().len());
        let mut shards = Vec::with_capacity(corpus.n_shards());
        let mut stated = Vec::with_capacity(corpus.n_shards());
        for (shard, clips) in clips_by_shard(corpus).into_iter().enumerate() {
            let mut frame = 0;
            for clip in &corpus.clips()[clips] {
                places.push((shard, frame, clip.n_frames()));
                frame += clip.n_frames();
            }
            let file = folder.join(shard_name(shard));
            let codes = Npy::<u16>::open(&file)?;
            if codes.shape() != [frame as usize, header.n_codebooks] {
                let reason =
                    format!("its shape is {:?}, not [{frame}, {}]", codes.shape(), header.n_codebooks);
                return Err(CorpusError::damaged(file, reason));
            }
            shards.push(codes);
            stated.push((file, manifest.shards[shard].sha256.clone()));
        }
        Ok(Self { header, shards, places, stated })
    }

    /// Hashes every file of codes again; an error names the first that is not what was written.
    pub fn verify(&self) -> Result<(), CorpusError> {
        for (file, stated) in &self.stated {
            let found = files::hash_file(file)?.to_string();
            if found != *stated {
                let reason =
                    format!("its sha256 is {found}, `codes.toml` says {stated}; tokenize the corpus again");
                return Err(CorpusError::damaged(file, reason));
            }
        }
        Ok(())
    }

    /// Refuses codes that teach nothing: a codebook (counted from 0) that has the same code in every frame of the corpus, or no frame at
    /// all. Reads until every codebook has shown two codes, so it costs something only where it fails.
    pub fn check_columns(&self) -> Result<(), CorpusError> {
        let fail = |reason: String| CorpusError::Codes { tokenizer: self.header.tokenizer.clone(), reason };
        let n_codebooks = self.header.n_codebooks;
        let rows = || self.shards.iter().flat_map(|shard| shard.as_slice().chunks_exact(n_codebooks));
        let first = rows()
            .next()
            .ok_or_else(|| fail("codebook 0 is empty, as all are: no clip has a frame".into()))?;
        let mut constant: Vec<usize> = (0..n_codebooks).collect();
        for row in rows() {
            constant.retain(|&codebook| row[codebook] == first[codebook]);
            if constant.is_empty() {
                return Ok(());
            }
        }
        let codebook = constant[0];
        Err(fail(format!(
            "codebook {codebook} has the code {} in every frame of the corpus ({} of {n_codebooks} codebooks are constant), so there is nothing to learn; fit the tokenizer anew, with fewer codebooks or more data",
            first[codebook],
            constant.len()
        )))
    }

    /// What the codes are.
    pub fn header(&self) -> &CodesHeader {
        &self.header
    }

    /// Frames of the clip at `clip_idx` of `corpus.clips()`.
    pub fn n_frames(&self, clip_idx: usize) -> usize {
        self.places[clip_idx].2 as usize
    }

    /// Codes of `n` frames of a clip from its frame `start` on.
    ///
    /// # Shapes
    /// - returns `[n, K]`, row-major
    pub fn rows(&self, clip_idx: usize, start: usize, n: usize) -> Result<&[u16], CorpusError> {
        let fail = |reason: String| CorpusError::Codes { tokenizer: self.header.tokenizer.clone(), reason };
        let &(shard, first, n_frames) =
            self.places.get(clip_idx).ok_or_else(|| fail(format!("there is no clip {clip_idx}")))?;
        if start.checked_add(n).is_none_or(|end| end as u64 > n_frames) {
            return Err(fail(format!("clip {clip_idx} has {n_frames} frames, not {n} from {start}")));
        }
        let first = (first as usize + start) * self.header.n_codebooks;
        let codes = &self.shards[shard].as_slice()[first..first + n * self.header.n_codebooks];
        match codes.iter().find(|&&code| usize::from(code) >= self.header.n_entries) {
            Some(code) => Err(fail(format!(
                "clip {clip_idx} has code {code}, entries end at {}",
                self.header.n_entries
            ))),
            None => Ok(codes),
        }
    }

    /// All codes of a clip.
    ///
    /// # Shapes
    /// - returns `[ceil(samples / 320), K]`, row-major
    pub fn clip(&self, clip_idx: usize) -> Result<&[u16], CorpusError> {
        self.rows(clip_idx, 0, self.places.get(clip_idx).map_or(0, |place| place.2 as usize))
    }
}
