use std::fs;

use super::*;
use crate::record::UpdateRecord;

/// A field of a message: number and content.
#[derive(Debug, PartialEq)]
enum Field {
    Varint(u64, u64),
    Bytes(u64, Vec<u8>),
    Double(u64),
    Float(u64, f32),
}

fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes.split_off_first().unwrap();
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes);
        fields.push(match key & 7 {
            0 => Field::Varint(key >> 3, take_varint(&mut bytes)),
            1 => {
                bytes.split_off(..8).unwrap();
                Field::Double(key >> 3)
            }
            2 => {
                let length = take_varint(&mut bytes) as usize;
                Field::Bytes(key >> 3, bytes.split_off(..length).unwrap().to_vec())
            }
            5 => {
                Field::Float(key >> 3, f32::from_le_bytes(bytes.split_off(..4).unwrap().try_into().unwrap()))
            }
            other => panic!("wire type {other}"),
        });
    }
    fields
}

/// Messages of a file, every checksum checked.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let length_bytes = bytes.split_off(..8).unwrap();
        let checksum = u32::from_le_bytes(bytes.split_off(..4).unwrap().try_into().unwrap());
        assert_eq!(checksum, masked_crc32c(length_bytes));
        let length = u64::from_le_bytes(length_bytes.try_into().unwrap()) as usize;
        let message = bytes.split_off(..length).unwrap();
        let checksum = u32::from_le_bytes(bytes.split_off(..4).unwrap().try_into().unwrap());
        assert_eq!(checksum, masked_crc32c(message));
        records.push(message.to_vec());
    }
    records
}

/// What a viewer shows of a folder: the last value of every tag and step, later steps forgotten where a session starts.
pub(crate) fn shown(folder: &Path) -> std::collections::BTreeMap<(u64, String), f32> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut shown = std::collections::BTreeMap::new();
    for message in files.iter().flat_map(|file| records(&fs::read(file).unwrap())) {
        let event = fields(&message);
        let step = event.iter().find_map(|field| match field {
            Field::Varint(2, step) => Some(*step),
            _ => None,
        });
        let step = step.unwrap_or(0);
        for field in event {
            match field {
                Field::Bytes(7, _) => shown.retain(|&(shown_step, _), _| shown_step < step),
                Field::Bytes(5, summary) => {
                    for entry in fields(&summary) {
                        let Field::Bytes(1, entry) = entry else { panic!("a summary holds values") };
                        let [Field::Bytes(1, tag), Field::Float(2, value)] = &fields(&entry)[..] else {
                            panic!("a value has a tag and a number")
                        };
                        shown.insert((step, String::from_utf8(tag.clone()).unwrap()), *value);
                    }
                }
                _ => {}
            }
        }
    }
    shown
}

fn only_file(folder: &Path) -> Vec<u8> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    fs::read(files.last().unwrap()).unwrap()
}

#[test]
fn records_hold_version_and_scalars() {
    let folder = tempfile::tempdir().unwrap();
    let mut board = TensorBoard::open(folder.path(), 0).unwrap();
    let scalars = [("a/b".to_owned(), 0.5), ("nan".to_owned(), f64::NAN)];
    board.scalars(300, &scalars).unwrap();
    board.flush().unwrap();
    let records = records(&only_file(folder.path()));
    assert_eq!(records.len(), 2);
    assert_eq!(fields(&records[0])[2], Field::Bytes(3, b"brain.Event:2".to_vec()));
    let event = fields(&records[1]);
    assert_eq!(event[..2], [Field::Double(1), Field::Varint(2, 300)]);
    let Field::Bytes(5, summary) = &event[2] else { panic!("{event:?}") };
    let [Field::Bytes(1, value)] = &fields(summary)[..] else { panic!("NaN has no place") };
    assert_eq!(fields(value), [Field::Bytes(1, b"a/b".to_vec()), Field::Float(2, 0.5)]);
}

#[test]
fn a_resumed_run_has_a_file_of_its_own_that_purges_later_steps() {
    let folder = tempfile::tempdir().unwrap();
    drop(TensorBoard::open(folder.path(), 0).unwrap());
    drop(TensorBoard::open(folder.path(), 41).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    let records = records(&only_file(folder.path()));
    let session = fields(&records[1]);
    assert_eq!(session[1], Field::Varint(2, 42));
    assert_eq!(session[2], Field::Bytes(7, vec![0x08, 0x01]));
}

#[test]
fn every_part_of_a_loss_has_a_tag() {
    let loss = Losses { masked_codebooks: vec![1.0, 2.0], ..Losses::default() };
    let record = UpdateRecord { loss, memory_bytes: Some(1 << 30), ..UpdateRecord::default() };
    let scalars = scalars(&LogLine::Update(record));
    let value = |tag: &str| scalars.iter().find(|(known, _)| known == tag).map(|(_, value)| *value);
    assert_eq!((value("train/codes_masked"), value("train/codes_masked_1")), (Some(3.0), Some(2.0)));
    assert_eq!((value("memory_gib/now"), value("memory_gib/peak")), (Some(1.0), None));
    for tag in [
        "train/cqt",
        "train/features_penalty",
        "train/accuracy_masked",
        "step/learning_rate",
        "seconds/loading",
    ] {
        assert!(value(tag).is_some(), "{tag}");
    }
}
