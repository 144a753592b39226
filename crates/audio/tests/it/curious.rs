//! Recordings that are odd and whole: every sample of them is read.

use culturemert_audio::{AudioError, Resampler, load, resampled_len};

use crate::folder::Folder;
use crate::makers::{Aiff, Flac, Mp4, Wav, id3, mp3, opus_pages, pages};

fn samples(bytes: &[u8]) -> Result<Vec<f32>, AudioError> {
    load(Folder::new().with("recording", bytes), Resampler::Hq)
}

#[track_caller]
fn check(bytes: &[u8], n_samples: usize) {
    assert_eq!(samples(bytes).unwrap().len(), n_samples);
}

/// A wav of one coded sample, repeated.
#[track_caller]
fn check_sample(tag: u16, bits: u16, coded: &[u8], expected: f32) {
    let found = samples(&Wav::of(tag, bits, coded.repeat(5)).bytes()).unwrap();
    assert_eq!(found, [expected; 5], "codec {tag}, {bits} bits");
}

#[test]
fn every_coding_of_wav_is_read() {
    check_sample(1, 8, &[192], 0.5);
    check_sample(1, 16, &16_384i16.to_le_bytes(), 0.5);
    check_sample(1, 24, &[0, 0, 64], 0.5);
    check_sample(1, 32, &(1i32 << 30).to_le_bytes(), 0.5);
    check_sample(3, 32, &0.5f32.to_le_bytes(), 0.5);
    check_sample(3, 64, &0.5f64.to_le_bytes(), 0.5);
    // G.711: the sample whose code is 0 after complementing the bits is the loudest; 0x80 of µ-law is its negative.
    check_sample(7, 8, &[0x80], 32_124.0 / 32_768.0);
    check_sample(6, 8, &[0xd5], 8.0 / 32_768.0);
}

#[test]
fn rates_channels_and_lengths_of_all_kinds_are_read() {
    for rate in [8_000, 11_025, 96_000, 192_000, 768_000] {
        let n = resampled_len(30_000, rate, 24_000) as usize;
        check(&Wav { rate, ..Wav::pcm(30_000) }.bytes(), n);
    }
    for channels in [1, 2, 8, 26] {
        check(&Wav { channels, ..Wav::pcm(6_400) }.bytes(), 6_400 / usize::from(channels));
    }
    check(&Wav::pcm(1).bytes(), 1);
    check(&Aiff::pcm(1).bytes(), 1);
    check(&Aiff { channels: 2, n_frames: 1000, ..Aiff::pcm(2000) }.bytes(), 1000);
    check(&Flac::pcm(1).bytes(), 1);
    check(&Flac { stated: 0, ..Flac::pcm(30_000) }.bytes(), 30_000);
}

#[test]
fn chunks_of_odd_length_are_stepped_over() {
    let odd = b"junk\x05\0\0\0abcde\0";
    check(&Wav { between: odd.repeat(50), ..Wav::pcm(1000) }.bytes(), 1000);
    check(&Aiff { before: b"NAME\0\0\0\x03abc\0".to_vec(), ..Aiff::pcm(1000) }.bytes(), 1000);
    let comment = vec![4, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    check(&Flac { blocks: vec![vec![1, 0, 0, 3, 0, 0, 0], comment], ..Flac::pcm(1000) }.bytes(), 1000);
}

#[test]
fn tags_in_front_and_garbage_between_frames_of_mp3_cost_no_frame() {
    let whole = samples(&mp3(40, None)).unwrap().len();
    check(&[id3(1 << 20, &vec![0; 1 << 20]), mp3(40, None)].concat(), whole);
    check(&[id3(8, &[0; 8]).repeat(3), mp3(40, None)].concat(), whole);
    check(&[mp3(20, None), b"garbage".repeat(100), mp3(20, None)].concat(), whole);
    check(&[id3(0, b"").repeat(40), mp3(40, None)].concat(), whole);
}

#[test]
fn the_header_of_mp4_may_stand_anywhere_and_its_edit_is_kept() {
    let n = |packets: u64| resampled_len(packets * 1024, 44_100, 24_000) as usize;
    check(&Mp4::aac(60).bytes(), n(60));
    check(&Mp4 { header_first: true, ..Mp4::aac(60) }.bytes(), n(60));
    let edit = Some((50_000, 1024));
    check(&Mp4 { edit, ..Mp4::aac(60) }.bytes(), resampled_len(50_000, 44_100, 24_000) as usize);
}

#[test]
fn opus_is_cut_at_both_ends() {
    let n = |short: u64, skip: u64| resampled_len(60 * 960 - short - skip, 48_000, 24_000) as usize;
    check(&pages(&opus_pages(60, 312, 0, 1)), n(0, 312));
    check(&pages(&opus_pages(60, 312, 500, 1)), n(500, 312));
    check(&pages(&opus_pages(60, 0, 0, 1)), n(0, 0));
}

#[test]
fn channels_are_averaged() {
    let folder = Folder::new();
    let samples = [0.5, -0.25, 0.125, 1.0, 0.0, 0.5];
    for (channels, expected) in [(1, samples.to_vec()), (2, vec![0.125, 0.5625, 0.25]), (3, vec![0.125, 0.5])]
    {
        let path = folder.with("mean.wav", &Wav { channels, ..Wav::floats(&samples) }.bytes());
        assert_eq!(load(&path, Resampler::Hq).unwrap(), expected, "{channels}");
    }
}

#[test]
fn a_wav_written_into_a_pipe_is_read_to_its_end() {
    let folder = Folder::new();
    for n in [1, 100, 1152, 5000] {
        let wav = Wav { stated: Some(u32::MAX), riff: Some(u32::MAX), ..Wav::pcm(n) };
        assert_eq!(load(folder.with("pipe.wav", &wav.bytes()), Resampler::Hq).unwrap().len(), n);
    }
}
