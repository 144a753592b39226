"""Errors are the command line's sentences, and what cannot be heard is refused."""

import pickle

import culturemert
import numpy as np
import pytest
from conftest import FEW, command, noise, settings, write_wav
from culturemert import UsageError, WorkError


def refused(kind, call, *arguments):
    """The call fails as the command line does, in the same words."""
    done = command(*arguments)
    with pytest.raises(kind) as caught:
        call()
    assert done.returncode == {UsageError: 2, WorkError: 1}[kind], done.stderr
    assert done.stderr.splitlines()[-1] == f"error: {caught.value}"


def test_the_hierarchy():
    assert issubclass(UsageError, (culturemert.CultureMERTError)) and issubclass(UsageError, ValueError)
    assert issubclass(WorkError, (culturemert.CultureMERTError)) and issubclass(WorkError, RuntimeError)
    assert isinstance(pickle.loads(pickle.dumps(UsageError("so it is"))), UsageError)


def test_what_does_not_exist(ground, tmp_path):
    nowhere, out = tmp_path / "nowhere", tmp_path / "out.json"
    model = culturemert.load(ground.model)
    npy = tmp_path / "out.npy"
    refused(UsageError, lambda: culturemert.load(nowhere), "embed", "--model", nowhere, ground.wav, "--out", npy)
    refused(UsageError, lambda: culturemert.load(tmp_path), "embed", "--model", tmp_path, ground.wav, "--out", npy)
    refused(UsageError, lambda: model.embed(nowhere), "embed", "--model", ground.model, nowhere, "--out", npy)
    refused(UsageError, lambda: model.embed(ground.wav, layers=9),
            "embed", "--model", ground.model, ground.wav, "--out", npy, "--layer", 9)
    refused(UsageError, lambda: culturemert.cqt(nowhere), "cqt", nowhere, "--out", npy)
    refused(UsageError, lambda: culturemert.cqt(ground.wav, bins=85), "cqt", ground.wav, "--out", npy, "--bins", 85)
    refused(UsageError, lambda: culturemert.tokens(ground.wav, codec=nowhere),
            "tokenize", "--codec", nowhere, ground.wav, "--out", npy)
    refused(UsageError, lambda: model.tag(ground.wav, nowhere),
            "tag", "--model", ground.model, "--probe", nowhere, ground.wav)
    refused(UsageError, lambda: culturemert.merge(ground.model, [nowhere], 0.2, tmp_path / "merged"),
            "merge", "--base", ground.model, "--model", nowhere, "--out", tmp_path / "merged")
    refused(UsageError, lambda: culturemert.prepare(nowhere, tmp_path / "corpus"),
            "prepare", "--index", nowhere, "--out", tmp_path / "corpus")
    refused(UsageError, lambda: culturemert.synth(tmp_path / "synth", -1.0),
            "synth", "--out", tmp_path / "synth", "--minutes", -1)
    refused(UsageError, lambda: culturemert.probe(model, nowhere, "makam:", out),
            "probe", "--model", ground.model, "--corpus", nowhere, "--tags", "makam:", "--out", out)
    refused(UsageError, lambda: culturemert.probe(model, ground.corpus, "makan:", out),
            "probe", "--model", ground.model, "--corpus", ground.corpus, "--tags", "makan:", "--out", out)
    refused(UsageError, lambda: culturemert.similarity(nowhere), "similarity", "--corpus", nowhere)
    refused(UsageError, lambda: culturemert.similarity(ground.corpus, adapted=["nobody"]),
            "similarity", "--corpus", ground.corpus, "--adapted", "nobody")
    refused(UsageError, lambda: culturemert.merge(ground.model, ground.adapted, [0.1, 0.2, 0.3], tmp_path / "merged"),
            "merge", "--base", ground.model, "--model", ground.adapted[0], "--model", ground.adapted[1], "--lambda", 0.1,
            "--lambda", 0.2, "--lambda", 0.3, "--out", tmp_path / "merged")
    run = tmp_path / "run"
    refused(UsageError, lambda: culturemert.pretrain("pockt", ground.corpus, "scratch", run),
            "pretrain", "--config", "pockt", "--corpus", ground.corpus, "--init", "scratch", "--out", run)
    refused(UsageError, lambda: culturemert.pretrain("pocket", ground.corpus, "scratch", run, overrides={"run.sed": 1}),
            "pretrain", "--config", "pocket", "--corpus", ground.corpus, "--init", "scratch", "--out", run, "--set",
            "run.sed=1")


def test_recordings_that_are_none(ground, tmp_path):
    model = culturemert.load(ground.model)
    npy = tmp_path / "out.npy"
    text = tmp_path / "notes.wav"
    text.write_text("not audio")
    broken = noise(1, 5000)
    broken[0, 2400] = np.nan
    for wav in (text, write_wav(tmp_path / "nan.wav", broken, 24_000), write_wav(tmp_path / "short.wav", noise(1, 50), 24_000)):
        refused(WorkError, lambda wav=wav: model.embed(wav), "embed", "--model", ground.model, wav, "--out", npy)


@pytest.mark.parametrize("audio, sr, sentence", [
    (noise(1, 100)[0].astype(np.float64), 24_000, "`audio` is of float64, and float32"),
    ((noise(1, 100)[0] * 1000).astype(np.int16), 24_000, "int16: 32768"),
    (noise(1, 100)[0].astype(">f4"), 24_000, "`audio` is of >f4"),
    (noise(2, 100).T, 24_000, "`audio` has shape (100, 2), and channels come before samples: give `audio.T`"),
    (np.zeros((1, 2, 3), np.float32), 24_000, "`audio` has 3 axes"),
    (np.array(0.5, np.float32), 24_000, "`audio` has 0 axes"),
    (np.zeros(0, np.float32), 24_000, "`audio` is empty: it has no samples"),
    (np.zeros((2, 0), np.float32), 24_000, "`audio` is empty: it has no samples"),
    (np.zeros((0, 0), np.float32), 24_000, "`audio` states zero channels"),
    (np.array([0, np.nan, 0], np.float32), 1000, "`audio` holds a sample that is not finite, at 0.001 s"),
    (np.array([0, 0, np.inf], np.float32), 1000, "`audio` holds a sample that is not finite, at 0.002 s"),
    (noise(1, 100)[0], None, "samples need their rate: `sr`, samples a second"),
    (noise(1, 100)[0], 0, "`sr` is 0; it is samples a second"),
    (noise(1, 100)[0], -44_100, "`sr` is -44100; it is samples a second"),
    (noise(1, 100)[0], 2**40, "`sr` is 1099511627776; it is samples a second"),
    (noise(1, 100)[0], 10**9, "absurd"),
    ("a.wav", 44_100, "`sr` is the rate of samples; a recording states its own, so leave it out"),
])
def test_samples_that_cannot_be_heard(ground, audio, sr, sentence):
    model = culturemert.load(ground.model)
    codec = culturemert.load_codec(ground.codec)
    for call in (lambda: model.embed(audio, sr), lambda: culturemert.cqt(audio, sr),
                 lambda: culturemert.tokens(audio, sr, codec=codec)):
        with pytest.raises(UsageError) as caught:
            call()
        assert sentence in str(caught.value)


def test_samples_too_few_for_a_frame(ground):
    with pytest.raises(WorkError, match="`audio` has 50 samples at 24 kHz, and the encoder needs"):
        culturemert.load(ground.model).embed(np.zeros(50, np.float32), 24_000)


@pytest.mark.parametrize("audio", [[0.0, 0.1], 3, None, b"bytes"])
def test_what_is_no_audio_at_all(audio):
    with pytest.raises((TypeError, UsageError)):
        culturemert.cqt(audio, 24_000)


def test_choices_name_what_there_is(ground):
    model = culturemert.load(ground.model)
    for call, sentence in [
        (lambda: culturemert.load(ground.model, dtype="bf61"), "`dtype` is `bf61`, not one of f32, bf16, f16, split"),
        (lambda: model.embed(ground.wav, pool="max"), "`pool` is `max`, and `mean` is the only one"),
        (lambda: model.embed(ground.wav, layers=[]), "`layers` names no layer"),
        (lambda: model.embed(ground.wav, layers=-9), "`--layer -9` is neither `all` nor a number from 0 to 4"),
        (lambda: culturemert.cqt(ground.wav, resampler="sox"), "setting `resampler` is `sox`"),
        (lambda: culturemert.similarity(ground.corpus, unit="bans"), "`unit` is `bans`, not one of nats, bits"),
        (lambda: culturemert.similarity(), "name a `corpus`, `codes` or `counts`"),
        (lambda: culturemert.similarity(ground.corpus, codes={"a": "b"}, entries=4), "give `corpus` or `codes`, not both"),
        (lambda: culturemert.similarity(ground.corpus, entries=4), "`entries` means something with `codes` only"),
        (lambda: culturemert.probe(ground.model, ground.corpus, "a:", "x.json", shard="1/2"), "`shard` means something with `features` only"),
        (lambda: culturemert.tokenize(ground.corpus, ground.codec, shard="1/0"), "`shard` is `1/0`"),
        (lambda: culturemert.merge(ground.model, [], 0.2, "x"), "`models` names no model"),
        (lambda: culturemert.merge(ground.model, ground.adapted, 0.2, "x", method="mean"), "unknown variant `mean`"),
        (lambda: culturemert.merge(ground.model, ground.adapted, 0.2, "x", method="ties", parameters={"densty": 1}),
         "unknown field `densty`"),
        (lambda: culturemert.pretrain(None, ground.corpus, "scratch", "x"), "`plan` is a TOML file or a preset"),
        (lambda: culturemert.pretrain("pocket", ground.corpus, "scratch", "x", accept_drift=True), "`accept_drift`"),
    ]:
        with pytest.raises(culturemert.CultureMERTError) as caught:
            call()
        assert sentence in str(caught.value), str(caught.value)


def test_what_has_changed_is_refused_on_resuming(ground, tmp_path):
    run = tmp_path / "run"
    culturemert.pretrain("pocket", ground.corpus, "scratch", run, overrides={**FEW, "checkpoints.keep_every": 2})
    changed = {**FEW, "checkpoints.keep_every": 2, "run.seed": 9}
    refused(UsageError, lambda: culturemert.pretrain("pocket", ground.corpus, None, run, overrides=changed, resume=True),
            "pretrain", "--config", "pocket", "--corpus", ground.corpus, "--out", run, "--resume", *settings(changed))
