"""The package gives what the command line gives, bit for bit."""

import filecmp
import json

import culturemert
import numpy as np
import pytest
from conftest import FEW, command, noise, printed, settings, write_wav


def same_files(one, other, patterns):
    """Whether two folders hold the same bytes under these names."""
    for pattern in patterns:
        names = sorted(path.relative_to(one) for path in one.glob(pattern))
        assert names, f"{one} has no {pattern}"
        for name in names:
            assert filecmp.cmp(one / name, other / name, shallow=False), name


@pytest.mark.parametrize("layers, layer", [("all", "all"), (0, 0), (2, 2), (-1, 4)])
@pytest.mark.parametrize("pool", [None, "mean"])
def test_embed(ground, tmp_path, layers, layer, pool):
    out = tmp_path / "hidden.npy"
    pooled = [] if pool is None else ["--pool", pool]
    printed("embed", "--model", ground.model, ground.wav, "--out", out, "--layer", layer, "--window", 1, *pooled)
    model = culturemert.load(ground.model)
    for audio, sr in ((ground.audio, 44_100), (ground.wav, None), (str(ground.wav), None)):
        hidden = model.embed(audio, sr, layers=layers, pool=pool, window=1)
        assert hidden.dtype == np.float32 and np.array_equal(hidden, np.load(out))


def test_several_layers_are_those_of_all(ground):
    model = culturemert.load(ground.model)
    everything = model.embed(ground.wav)
    assert everything.shape == (model.n_states, 224, model.width)
    assert np.array_equal(model.embed(ground.wav, layers=[3, 0, -1]), everything[[3, 0, -1]])


@pytest.mark.parametrize("dtype", ["f32", "bf16", "f16", "split"])
def test_embed_in_every_precision(ground, tmp_path, dtype):
    out = tmp_path / "hidden.npy"
    printed("embed", "--model", ground.model, ground.wav, "--out", out, "--dtype", dtype)
    assert np.array_equal(culturemert.load(ground.model, dtype=dtype).embed(ground.wav), np.load(out))


@pytest.mark.parametrize("normalize", [True, False])
def test_embed_normalised_or_not(ground, tmp_path, normalize):
    out = tmp_path / "hidden.npy"
    printed("embed", "--model", ground.model, ground.wav, "--out", out, "--normalize", str(normalize).lower())
    model = culturemert.load(ground.model, normalize=normalize)
    assert model.normalizes is normalize
    assert np.array_equal(model.embed(ground.audio, 44_100), np.load(out))


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("n_channels", [1, 2, 5])
@pytest.mark.parametrize("resampler", ["torchaudio", "hq"])
def test_cqt_and_tokens_at_every_rate(ground, tmp_path, rate, n_channels, resampler):
    audio = noise(n_channels, rate + 77, seed=rate)
    wav = write_wav(tmp_path / "a.wav", audio, rate)
    frames, codes = tmp_path / "cqt.npy", tmp_path / "codes.npy"
    printed("cqt", wav, "--out", frames, "--bins", 84, "--resampler", resampler)
    printed("tokenize", "--codec", ground.codec, wav, "--out", codes, "--resampler", resampler)
    given = audio[0] if n_channels == 1 else audio
    codec = culturemert.load_codec(ground.codec)
    for sound, sr in ((given, rate), (wav, None)):
        magnitudes = culturemert.cqt(sound, sr, bins=84, resampler=resampler)
        assert magnitudes.dtype == np.float32 and np.array_equal(magnitudes, np.load(frames))
        for tokenizer in (codec, ground.codec):
            tokens = culturemert.tokens(sound, sr, codec=tokenizer, resampler=resampler)
            assert tokens.dtype == np.uint16 and np.array_equal(tokens, np.load(codes))
    assert (codec.n_codebooks, codec.n_entries) == (4, 64)


def test_strides_change_nothing(ground):
    model = culturemert.load(ground.model)
    plain = model.embed(ground.audio, 44_100)
    frames_first = np.ascontiguousarray(ground.audio.T)
    assert np.array_equal(model.embed(frames_first.T, 44_100), plain)
    padded = np.zeros((2, 2 * ground.audio.shape[1]), np.float32)
    padded[:, ::2] = ground.audio
    assert np.array_equal(model.embed(padded[:, ::2], 44_100), plain)
    read_only = ground.audio.copy()
    read_only.flags.writeable = False
    assert np.array_equal(model.embed(read_only, 44_100), plain)


def test_the_way_from_nothing_to_a_model(ground, tmp_path):
    synthetic = culturemert.synth(tmp_path / "recordings", 0.6, piece_seconds=6)
    assert synthetic == {**synthetic, "pieces": 30, "synthetic": True}
    same_files(ground.recordings, tmp_path / "recordings", ["**/*.wav", "index.jsonl"])
    report = culturemert.prepare(synthetic["index"], tmp_path / "corpus")
    again = printed("prepare", "--index", tmp_path / "recordings" / "index.jsonl", "--out", tmp_path / "corpus")
    assert report == again and report["prepared"] == 30
    fitted = culturemert.fit_codec(tmp_path / "corpus", tmp_path / "codec", codebooks=4, entries=64, max_frames=4000)
    theirs = printed("fit-codec", "--corpus", ground.corpus, "--out", tmp_path / "theirs", "--codebooks", 4, "--entries",
                     64, "--max-frames", 4000)
    assert fitted == theirs
    same_files(tmp_path / "theirs", tmp_path / "codec", ["*"])
    told = culturemert.tokenize(tmp_path / "corpus", tmp_path / "codec")
    assert told == printed("tokenize", "--corpus", tmp_path / "corpus", "--codec", tmp_path / "codec")
    log = []
    done = culturemert.pretrain("pocket", tmp_path / "corpus", "scratch", tmp_path / "run", overrides=FEW,
                                on_log=log.append)
    assert culturemert.inspect(done["model"], ground.model)["equal"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log == [line for line in lines if line["kind"] == "update"]
    assert [line["update"] for line in log] == list(range(1, 7))


def test_overrides_are_written_as_toml(ground, tmp_path):
    overrides = {**FEW, "stage.0.data.cultures": [{"culture": "greek"}], "run.name": "3", "health.max_skipped": 4}
    written = ['stage.0.data.cultures=[{culture="greek"}]', 'run.name="3"', "health.max_skipped=4"]
    flags = [*settings(FEW), *(word for one in written for word in ("--set", one))]
    plan = command("pretrain", "--config", "pocket", "--dry-run", *flags).stdout
    culturemert.pretrain("pocket", ground.corpus, "scratch", tmp_path / "run", overrides=overrides)
    assert (tmp_path / "run" / "plan.toml").read_text().strip() == plan.strip()


def test_pretrain_from_a_model(ground, tmp_path):
    overrides = [word for word in settings({**FEW, "run.seed": 1}) if word != "--set"]
    culturemert.pretrain("pocket", ground.corpus, culturemert.load(ground.model), tmp_path / "run", overrides=overrides)
    assert culturemert.inspect(tmp_path / "run" / "model", ground.adapted[0])["equal"]


@pytest.mark.parametrize("weights, flags, groups", [
    (0.2, ["--lambda", 0.2], None),
    ([0.3, -0.1], ["--lambda", 0.3, "--lambda", -0.1], None),
    (0.5, ["--lambda", 0.5, "--group", "front-end=0", "--group", "layers.0-1=0.5"],
     {"front-end": 0, "layers.0-1": 0.5}),
])
def test_merge_by_task_arithmetic(ground, tmp_path, weights, flags, groups):
    models = [word for model in ground.adapted for word in ("--model", model)]
    report = printed("merge", "--base", ground.model, *models, *flags, "--out", tmp_path / "theirs")
    ours = culturemert.merge(ground.model, ground.adapted, weights, tmp_path / "ours", groups=groups)
    assert ours == report
    same_files(tmp_path / "theirs", tmp_path / "ours", ["*.safetensors", "config.json"])


@pytest.mark.parametrize("method, base, weights, parameters", [
    ("linear", False, [0.7, 0.3], {"normalize": True}),
    ("ties", True, [1.0, 0.5], {"density": 0.5, "lambda": 0.8}),
    ("dare_linear", True, 0.6, {"density": 0.4}),
    ("dare_ties", True, [0.6, 0.2], {"density": 0.4, "normalize": False}),
    ("task_arithmetic", True, [0.6, 0.2], {"normalize": True}),
    ("slerp", True, 1.0, {"t": 0.25}),
])
def test_merge_by_mergekits_methods(ground, tmp_path, method, base, weights, parameters):
    adapted = ground.adapted[:1] if method == "slerp" else ground.adapted
    each = weights if isinstance(weights, list) else [weights] * len(adapted)
    models = [{"model": str(model)} if method == "slerp" else {"model": str(model), "parameters": {"weight": weight}}
              for model, weight in zip(adapted, each)]
    plan = {"merge_method": method, "seed": 7, "parameters": parameters, "models": models}
    if base:
        plan["base_model"] = str(ground.model)
    # JSON is YAML.
    (tmp_path / "plan.yaml").write_text(json.dumps(plan))
    report = printed("merge", "--config", tmp_path / "plan.yaml", "--out", tmp_path / "theirs")
    ours = culturemert.merge(ground.model if base else None, adapted, weights, tmp_path / "ours", method=method,
                             parameters=parameters, seed=7)
    assert ours == report
    same_files(tmp_path / "theirs", tmp_path / "ours", ["*.safetensors", "config.json"])


def test_task_vectors(ground, tmp_path):
    report = printed("task-vector", "--base", ground.model, "--model", ground.adapted[0], "--out", tmp_path / "theirs")
    assert culturemert.task_vector(ground.model, ground.adapted[0], tmp_path / "ours") == report
    same_files(tmp_path / "theirs", tmp_path / "ours", ["*.safetensors"])


def test_inspect(ground):
    assert culturemert.inspect(ground.model) == printed("inspect", ground.model)
    against = printed("inspect", ground.model, "--against", ground.adapted[0])
    assert culturemert.inspect(ground.model, ground.adapted[0]) == against and not against["equal"]


def test_probe_and_tag(ground, tmp_path):
    theirs, ours = tmp_path / "theirs.json", tmp_path / "ours.json"
    first = json.loads((ground.recordings / "index.jsonl").read_text().splitlines()[0])["tags"][0]
    prefix = first.split(":")[0] + ":"
    arguments = ["--model", ground.model, "--corpus", ground.corpus, "--tags", prefix, "--split", "group"]
    result = printed("probe", *arguments, "--config", ground.probe_settings, "--out", theirs)
    model = culturemert.load(ground.model)
    assert culturemert.probe(model, ground.corpus, prefix, ours, split="group", config=ground.probe_settings) == result
    for ending in (".json", ".safetensors"):
        assert theirs.with_suffix(ending).read_bytes() == ours.with_suffix(ending).read_bytes()
    kept = {"split": "group", "config": ground.probe_settings, "features": tmp_path / "features"}
    share = culturemert.probe(model, ground.corpus, prefix, ours, shard="1/2", **kept)
    assert share["share"] == "1/2" and share["recordings"] > 0 and list((tmp_path / "features").iterdir())
    assert culturemert.probe(model, ground.corpus, prefix, ours, **kept) == result
    told = printed("tag", "--model", ground.model, "--probe", theirs.with_suffix(".safetensors"), ground.wav)[0]["tags"]
    probe = ours.with_suffix(".safetensors")
    for heard in (model.tag(ground.wav, probe), model.tag(ground.audio, probe, 44_100)):
        assert list(heard.items()) == [(one["tag"], one["probability"]) for one in told]


def test_similarity(ground, tmp_path):
    few = ["--resamples", 20, "--splits", 5]
    report = printed("similarity", "--corpus", ground.corpus, "--counts", tmp_path / "counts.safetensors", *few)
    assert culturemert.similarity(ground.corpus, resamples=20, splits=5) == report
    kept = culturemert.similarity(counts=tmp_path / "counts.safetensors", resamples=20, splits=5)
    assert kept == report
    codes = {}
    for culture, seed in (("north", 1), ("south", 2)):
        codes[culture] = tmp_path / culture
        codes[culture].mkdir()
        for index in range(3):
            drawn = np.random.default_rng([seed, index]).integers(0, 16 * seed, (50, 2)).astype(np.uint16)
            np.save(codes[culture] / f"{index}.npy", drawn)
    named = [word for culture, folder in codes.items() for word in ("--codes", f"{culture}={folder}")]
    flags = ["--entries", 32, "--unit", "bits", "--lambda", 0.4, "--seed", 3]
    report = printed("similarity", *named, *flags, *few)
    ours = culturemert.similarity(codes=codes, entries=32, unit="bits", lambda_=0.4, seed=3, resamples=20, splits=5)
    assert ours == report
