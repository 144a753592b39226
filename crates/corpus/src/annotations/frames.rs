//! From moments and spans to frames.

use draws::{Draws, fnv1a64};

use super::Mark;
use crate::FRAME_SAMPLES;

/// Frames of the model a second: 75.
pub const FRAMES_A_SECOND: f64 = audio::SAMPLE_RATE as f64 / FRAME_SAMPLES as f64;

/// An event belongs to the frames whose middle is so near, seconds: the nearest frame and one on each side. People tap less exactly.
const NEAR: f64 = 1.5 / FRAMES_A_SECOND;

/// A frame and what is true of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatedFrame {
    /// Its middle, seconds of the recording.
    pub seconds: f64,
    /// Places of what it is, in the outputs; of spans and melodies always one.
    pub outputs: Vec<usize>,
}

/// The middle of a frame, seconds.
pub fn middle_of_frame(frame: usize) -> f64 {
    (frame as f64 + 0.5) / FRAMES_A_SECOND
}

/// The first frame whose middle is not before `seconds`.
fn first_from(seconds: f64) -> usize {
    let guess = ((seconds * FRAMES_A_SECOND - 0.5).ceil().max(0.0)) as usize;
    // The product rounds, so the guess may be one off.
    let near = guess.saturating_sub(1)..guess + 1;
    near.into_iter().find(|&frame| middle_of_frame(frame) >= seconds).unwrap_or(guess + 1)
}

/// Every frame from the first event to the last, events in the order of time: between them it is known that there is none.
pub(super) fn of_events(events: &[Mark]) -> Vec<AnnotatedFrame> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Vec::new() };
    let begin = first_from(first.start - NEAR);
    let end = first_from(last.start + NEAR);
    let mut frames: Vec<AnnotatedFrame> = (begin..end.max(begin + 1))
        .map(|frame| AnnotatedFrame { seconds: middle_of_frame(frame), outputs: Vec::new() })
        .collect();
    for event in events {
        for frame in first_from(event.start - NEAR)..first_from(event.start + NEAR) {
            let outputs = frame.checked_sub(begin).and_then(|at| frames.get_mut(at));
            if let Some(frame) = outputs.filter(|frame| !frame.outputs.contains(&event.output)) {
                frame.outputs.push(event.output);
            }
        }
    }
    frames
}

/// The frames whose middle lies in a span; spans do not overlap and are in the order of time.
pub(super) fn of_spans(spans: &[Mark]) -> Vec<AnnotatedFrame> {
    let frames_of = |span: &Mark| {
        let output = span.output;
        (first_from(span.start)..first_from(span.end))
            .map(move |frame| AnnotatedFrame { seconds: middle_of_frame(frame), outputs: vec![output] })
    };
    spans.iter().flat_map(frames_of).collect()
}

/// At most `most` of them, still in order.
pub(super) fn drawn(frames: Vec<AnnotatedFrame>, id: &str, most: usize, seed: u64) -> Vec<AnnotatedFrame> {
    if frames.len() <= most {
        return frames;
    }
    let mut places =
        Draws::new(seed, "annotated frames", &[fnv1a64(id.as_bytes())]).distinct(frames.len(), most);
    places.sort_unstable();
    places.into_iter().map(|place| frames[place].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start: f64, end: f64, output: usize) -> Mark {
        Mark { start, end, output }
    }

    #[test]
    fn an_event_marks_its_frame_and_one_on_each_side() {
        // Frame 75 has its middle at 1.00667 s.
        let frames = of_events(&[mark(1.006, 1.006, 0), mark(1.2, 1.2, 1), mark(1.2, 1.2, 0)]);
        let of = |output| -> Vec<usize> {
            let has = |frame: &&AnnotatedFrame| frame.outputs.contains(&output);
            frames.iter().filter(has).map(|frame| (frame.seconds * 75.0) as usize).collect()
        };
        // 1.2 s is where frame 90 begins: two middles are 6.7 ms away, and of the two at 20 ms the earlier counts.
        assert_eq!(of(0), [74, 75, 76, 88, 89, 90]);
        assert_eq!(of(1), [88, 89, 90]);
        assert_eq!(frames.len(), 90 - 74 + 1);
    }

    #[test]
    fn frames_follow_their_middles() {
        let frames = of_spans(&[mark(0.0, 0.1, 2), mark(0.1, 0.14, 3)]);
        let outputs: Vec<usize> = frames.iter().map(|frame| frame.outputs[0]).collect();
        // Middles at 0.0067, 0.02, … 0.0867 (seven), 0.1, 0.113, 0.127, and 0.14 is out.
        assert_eq!(outputs, [2, 2, 2, 2, 2, 2, 2, 3, 3, 3]);
        assert!(of_spans(&[]).is_empty() && of_events(&[]).is_empty());
        for frame in 0..100_000 {
            assert_eq!(first_from(middle_of_frame(frame)), frame);
        }
    }

    #[test]
    fn draws_are_of_the_recording_and_in_order() {
        let all = of_spans(&[mark(0.0, 4.0, 0)]);
        let some = drawn(all.clone(), "a", 50, 1);
        assert_eq!(some.len(), 50);
        assert!(some.windows(2).all(|pair| pair[0].seconds < pair[1].seconds));
        assert_eq!(some, drawn(all.clone(), "a", 50, 1));
        assert_ne!(some, drawn(all.clone(), "b", 50, 1));
        assert_ne!(some, drawn(all.clone(), "a", 50, 2));
        assert_eq!(drawn(all.clone(), "a", 1000, 1), all);
    }
}
