//! Embeddings of a signal that comes in pieces of any length.
//!
//! Samples wait until a chunk of a fixed number of frames is full and known not to be the last; then the chunk goes through the
//! encoder, whose layers keep what they need of it. An LSTM lets no frame overtake another, but while its second layer reads one chunk,
//! its first can read the next and the convolutions the one after: every step runs all stages at once, each on a chunk of its own.
//! Neither the pieces nor the chunks nor the threads change a bit of the result.

use super::conv::{History, Place};
use super::encoder::Encoder;
use super::lstm::{Cells, LstmLayer};

/// A chunk on its way between two stages.
struct Chunk {
    place: Place,
    /// The LSTM's input, which is added to its output, `[T, C]`.
    skip: Vec<f32>,
    /// What the LSTM has made of it so far, `[T, C]`.
    sequence: Vec<f32>,
}

/// Takes embeddings `[T, D]`, chunk after chunk.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(&[f32]) + Send);

pub(crate) struct EmbeddingStream<'a> {
    encoder: &'a Encoder,
    chunk_samples: usize,
    /// Not more than a chunk.
    waiting: Vec<f32>,
    is_first: bool,
    /// One for each layer of the front.
    histories: Vec<History>,
    /// One for each layer of the LSTM.
    cells: Vec<Cells>,
    last_history: History,
    /// Room for the activations of the front, used again for every chunk.
    rooms: [Vec<f32>; 2],
    /// What waits before each layer of the LSTM, and before the last convolution.
    under_way: Vec<Option<Chunk>>,
}

impl<'a> EmbeddingStream<'a> {
    /// A signal at its start, read `chunk_frames` frames at a time: more than any layer looks back.
    pub(crate) fn new(encoder: &'a Encoder, chunk_frames: usize) -> Self {
        Self {
            encoder,
            chunk_samples: chunk_frames * encoder.hop(),
            waiting: Vec::new(),
            is_first: true,
            histories: encoder.front.iter().map(|_| History::default()).collect(),
            cells: encoder.lstm.iter().map(LstmLayer::start).collect(),
            last_history: History::default(),
            rooms: [Vec::new(), Vec::new()],
            under_way: (0..=encoder.lstm.len()).map(|_| None).collect(),
        }
    }

    /// Takes the next samples.
    pub(crate) fn push(&mut self, mut samples: &[f32], sink: Sink<'_>) {
        while !samples.is_empty() {
            // More follows, so a full chunk is not the last.
            if self.waiting.len() == self.chunk_samples {
                self.enter(false, sink);
            }
            let taken = samples.len().min(self.chunk_samples - self.waiting.len());
            let (now, later) = samples.split_at(taken);
            self.waiting.extend_from_slice(now);
            samples = later;
        }
    }

    /// Gives the rest.
    pub(crate) fn finish(&mut self, sink: Sink<'_>) {
        if !self.waiting.is_empty() {
            self.enter(true, sink);
        }
        while self.under_way.iter().any(Option::is_some) {
            self.step(None, sink);
        }
    }

    fn enter(&mut self, last: bool, sink: Sink<'_>) {
        let place = Place { first: self.is_first, last };
        self.is_first = false;
        self.step(Some(place), sink);
        self.waiting.clear();
    }

    /// Runs every stage on the chunk before it, and the waiting samples, when they enter, through the convolutions of the front.
    fn step(&mut self, entering: Option<Place>, sink: Sink<'_>) {
        let encoder = self.encoder;
        let Self { waiting, histories, cells, last_history, rooms, under_way, .. } = self;
        let entered = rayon::scope(|scope| {
            let (before_lstm, before_last) = under_way.split_at_mut(cells.len());
            for ((layer, cells), chunk) in encoder.lstm.iter().zip(cells).zip(before_lstm) {
                if let Some(chunk) = chunk {
                    scope.spawn(move |_| layer.forward(cells, &mut chunk.sequence));
                }
            }
            if let Some(chunk) = before_last.first_mut().and_then(Option::take) {
                scope.spawn(move |_| sink(&last_stage(encoder, last_history, chunk)));
            }
            entering.map(|place| {
                let [x, spare] = rooms;
                x.clear();
                x.extend_from_slice(waiting);
                for (layer, history) in encoder.front.iter().zip(histories) {
                    layer.forward(history, place, x, spare);
                }
                Chunk { place, skip: x.clone(), sequence: x.clone() }
            })
        });
        under_way.rotate_right(1);
        under_way[0] = entered;
    }
}

fn last_stage(encoder: &Encoder, history: &mut History, chunk: Chunk) -> Vec<f32> {
    let Chunk { place, mut skip, sequence } = chunk;
    if !encoder.lstm.is_empty() {
        skip.iter_mut().zip(&sequence).for_each(|(x, y)| *x += y);
    }
    let mut embeddings = sequence;
    encoder.last.forward(history, place, &skip, true, &mut embeddings);
    embeddings
}
