//! A made-up collection of any size: clouds of cultures as one or two models might place them.

#![allow(dead_code, reason = "not every user writes pages")]

use std::path::Path;

use culturemert_explore::{
    Collection, Item, ModelView, Predictions, Sound, Unit, excerpt_name, faded, page, sound_of,
};
use draws::Draws;
use evaluate::map::{Embeddings, PlaneSettings, nearest_neighbours, plane, turned_onto};

const CULTURES: [&str; 8] = [
    "arab-andalusian",
    "carnatic",
    "greek",
    "hindustani",
    "jingju",
    "persian-dastgah",
    "turkish-makam",
    "western",
];
const LICENCES: [Option<&str>; 5] =
    [Some("CC0-1.0"), Some("CC BY-NC-SA 4.0"), Some("for research, on request"), Some("CC BY 4.0"), None];
const WIDTH: usize = 32;

/// `n` clips of eight cultures as `n_models` place them.
pub(crate) fn collection(n: usize, n_models: usize) -> Collection {
    let mut draws = Draws::new(8, "made collection", &[]);
    let items: Vec<Item> = (0..n)
        .map(|at| {
            let culture = at % CULTURES.len();
            let licence = LICENCES[(at / 7) % LICENCES.len()].map(str::to_owned);
            let (plays, _) = sound_of(licence.as_deref());
            Item {
                name: format!("{}/piece-{:04}.wav#{}", CULTURES[culture], at / 16, at % 16),
                culture: CULTURES[culture].into(),
                tags: vec![
                    format!("mode:{}-{}", CULTURES[culture], draws.below(6)),
                    format!(
                        "instrument:{}",
                        ["voice", "lute", "fiddle", "flute", "drum"][draws.below(5) as usize]
                    ),
                ],
                group: Some(format!("session {}", at / 48)),
                split: ["train", "valid", "test"][(at / 16) % 3].into(),
                licence,
                start: (at % 16) as f64 * 30.0,
                seconds: 30.0,
                sound: if plays { Sound::Excerpt { seconds: 1.0 } } else { Sound::Licence },
            }
        })
        .collect();
    let mut models: Vec<ModelView> = Vec::new();
    for model in 0..n_models {
        let centres: Vec<f64> = (0..CULTURES.len() * WIDTH).map(|_| draws.normal()).collect();
        let rows: Vec<f32> = (0..n)
            .flat_map(|at| centres[at % CULTURES.len() * WIDTH..][..WIDTH].to_vec())
            .map(|centre| (centre + (0.5 + 0.3 * model as f64) * draws.normal()) as f32)
            .collect();
        let all = Embeddings::new(&rows, WIDTH).expect("finite rows");
        let near = nearest_neighbours(&all, 15, None);
        // A large page is for measuring drawing, not the layout.
        let epochs = if n > 2000 { 40 } else { 200 };
        let mut places =
            plane(&all, &near, PlaneSettings { epochs, ..PlaneSettings::default() }).expect("its own");
        if let Some(first) = models.first() {
            places = turned_onto(&places, &first.plane).expect("as many");
        }
        models.push(ModelView {
            name: ["base", "multi-culture"][model].into(),
            plane: places,
            neighbours: near.into_iter().map(|row| row.into_iter().take(10).collect()).collect(),
            facts: vec![("Hash".into(), "0123456789abcdef".into())],
        });
    }
    let tags: Vec<String> = (0..6).map(|at| format!("mode:{at}")).collect();
    let likeliest =
        (0..n).map(|at| vec![(at % 6, 0.81), ((at + 1) % 6, 0.22), ((at + 2) % 6, 0.04)]).collect();
    Collection {
        title: format!("A made-up collection of {n} clips"),
        unit: Unit::Clip,
        k: 10,
        items,
        models,
        predictions: vec![Predictions { name: "mode.safetensors".into(), tags, likeliest }],
        facts: vec![("Made by".into(), "a test, of numbers drawn at random".into())],
    }
}

/// Hertz of the excerpts.
const RATE: u32 = 8000;
/// A few hundred files show what thousands would.
const MOST_EXCERPTS: usize = 400;

/// Writes the page of a collection of `n` clips as two models place them, with tones for excerpts.
pub(crate) fn write(dir: &Path, n: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut collection = collection(n, 2);
    std::fs::create_dir_all(dir.join("audio"))?;
    for (at, item) in collection.items.iter_mut().enumerate() {
        if let Sound::Excerpt { seconds } = item.sound {
            if at >= MOST_EXCERPTS {
                item.sound = Sound::Limit;
                continue;
            }
            let hertz = 220.0 * 2f32.powf((at % 24) as f32 / 24.0);
            let wave = |i: usize| 0.3 * (std::f32::consts::TAU * hertz * i as f32 / RATE as f32).sin();
            let samples = faded((0..(seconds * f64::from(RATE)) as usize).map(wave).collect());
            let path = dir.join(excerpt_name(at));
            audio::write_wav(std::fs::File::create(&path)?, &path, &samples, RATE)?;
        }
    }
    Ok(std::fs::write(dir.join("index.html"), page(&collection)?)?)
}
