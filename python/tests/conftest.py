"""What the tests work on: made once, by the command line."""

import json
import os
import pathlib
import struct
import subprocess

import numpy as np
import pytest

#: The program that the package is compared with.
PROGRAM = os.environ.get("CULTUREMERT", "culturemert")

#: A few updates of the pocket plan.
FEW = {"stage.0.updates": 3, "stage.1.updates": 3, "checkpoints.every": 2, "held_out.crops": 2}


def command(*arguments, folder=None):
    """Runs the command line."""
    words = [PROGRAM, *(str(argument) for argument in arguments)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def printed(*arguments, folder=None):
    """What the command line prints, read."""
    done = command(*arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def settings(overrides):
    """The same for the command line."""
    return [word for key, value in overrides.items() for word in ("--set", f"{key}={json.dumps(value)}")]


def write_wav(path, channels, rate):
    """A wav of float32 samples; channels is [c, n]."""
    channels = np.atleast_2d(np.asarray(channels, dtype="<f4"))
    n_channels = channels.shape[0]
    data = channels.T.tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, n_channels, rate,
                       rate * n_channels * 4, n_channels * 4, 32, b"data", len(data))
    pathlib.Path(path).write_bytes(head + data)
    return path


def noise(n_channels, n, seed=0):
    """Something to hear, [c, n]."""
    return (np.random.default_rng(seed).standard_normal((n_channels, n)) * 0.1).astype(np.float32)


class Ground:
    """A corpus with codes, a tokenizer, two models and a recording."""

    def __init__(self, folder):
        self.folder = folder
        self.recordings, self.corpus, self.codec = (folder / name for name in ("recordings", "corpus", "codec"))
        printed("synth", "--out", self.recordings, "--minutes", 0.6, "--piece-seconds", 6)
        printed("prepare", "--index", self.recordings / "index.jsonl", "--out", self.corpus)
        printed("fit-codec", "--corpus", self.corpus, "--out", self.codec, "--codebooks", 4, "--entries", 64,
                "--max-frames", 4000)
        printed("tokenize", "--codec", self.codec, "--corpus", self.corpus)
        train = ["pretrain", "--config", "pocket", "--corpus", self.corpus, *settings(FEW)]
        printed(*train, "--init", "scratch", "--out", folder / "run")
        self.model = folder / "run" / "model"
        for name, seed in (("a", 1), ("b", 2)):
            printed(*train, "--init", self.model, "--set", f"run.seed={seed}", "--out", folder / name)
        self.adapted = [folder / "a" / "model", folder / "b" / "model"]
        self.probe_settings = folder / "probe.toml"
        self.probe_settings.write_text("epochs = 3\nseeds = [1, 2]\n")
        self.audio = noise(2, 3 * 44_100)
        self.wav = write_wav(folder / "noise.wav", self.audio, 44_100)


@pytest.fixture(scope="session")
def ground(tmp_path_factory):
    return Ground(tmp_path_factory.mktemp("ground"))
