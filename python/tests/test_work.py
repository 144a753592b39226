"""How work is done: without the interpreter lock, stopped by Ctrl-C, heard of by callbacks and logs."""

import logging
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import culturemert
import numpy as np
import pytest
from conftest import FEW, noise


def test_other_threads_go_on_while_a_model_hears(ground):
    model = culturemert.load(ground.model)
    long = noise(1, 90 * 24_000)[0]
    count, stop = 0, threading.Event()

    def counter():
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0.001)

    thread = threading.Thread(target=counter)
    thread.start()
    before, begun = count, time.perf_counter()
    model.embed(long, 24_000)
    seconds, counted = time.perf_counter() - begun, count - before
    stop.set()
    thread.join()
    # A thousand a second at most; with the lock held there would be none.
    assert seconds > 0.1 and counted > 50 * seconds, (seconds, counted)


def test_threads_share_a_model(ground):
    model = culturemert.load(ground.model)
    alone = model.embed(ground.wav)
    heard = [None] * 4

    def hear(at):
        heard[at] = model.embed(ground.wav)

    threads = [threading.Thread(target=hear, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(alone, one) for one in heard)


def test_models_are_pickled_by_path(ground, monkeypatch):
    monkeypatch.chdir(ground.model.parent)
    model = culturemert.load("model", dtype="bf16", normalize=False)
    packed = pickle.dumps(model)
    assert len(packed) < 1000
    monkeypatch.chdir("/")
    again = pickle.loads(packed)
    assert (again.hash, again.normalizes) == (model.hash, False)
    assert np.array_equal(again.embed(ground.wav), model.embed(ground.wav))
    assert repr(again) == f"<culturemert.Model '{ground.model}': 5 states of width 96>"


def interrupted(code, *, after, seconds=60):
    """Runs Python code and sends SIGINT once it printed `after`; returns its exit code, output and the seconds to its end."""
    child = subprocess.Popen([sys.executable, "-u", "-c", textwrap.dedent(code)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    said = ""
    while after not in said:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        said += line
    child.send_signal(signal.SIGINT)
    begun = time.perf_counter()
    out, err = child.communicate(timeout=seconds)
    return child.returncode, said + out, err, time.perf_counter() - begun


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to send")
def test_ctrl_c_ends_training_with_a_checkpoint_that_goes_on_to_the_same_bits(ground, tmp_path):
    overrides = {**FEW, "stage.1.updates": 40, "checkpoints.every": 1000}
    run, whole = tmp_path / "run", tmp_path / "whole"
    code, said, err, seconds = interrupted(f"""
        import culturemert
        try:
            culturemert.pretrain("pocket", {str(ground.corpus)!r}, "scratch", {str(run)!r}, overrides={overrides!r},
                                 on_log=lambda line: print("update", line["update"]))
        except KeyboardInterrupt as stopped:
            print("stopped:", stopped)
    """, after="update 4\n")
    assert code == 0, err
    kept = int(said.splitlines()[-2].split()[-1])
    assert said.endswith(f"stopped: a checkpoint holds update {kept}; go on with `resume=True`\n"), said
    assert 4 <= kept < 43 and seconds < 30 and not (run / "model").exists()
    log = []
    culturemert.pretrain(None, ground.corpus, None, run, resume=True, on_log=log.append)
    assert [line["update"] for line in log] == list(range(kept + 1, 44))
    culturemert.pretrain("pocket", ground.corpus, "scratch", whole, overrides=overrides)
    assert culturemert.inspect(run / "model", whole / "model")["equal"]


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to send")
@pytest.mark.parametrize("call", [
    "culturemert.load({model!r}).embed(np.zeros(24_000 * 3600, np.float32), 24_000, pool='mean')",
    "culturemert.tokens(np.zeros(24_000 * 3600, np.float32), 24_000, codec={codec!r})",
    "culturemert.cqt(np.zeros(24_000 * 7200, np.float32), 24_000, bins=84)",
    "culturemert.synth({out!r}, 600.0)",
    "culturemert.probe({model!r}, {corpus!r}, 'instrument:', {out!r}, split='group', config={settings!r})",
])
def test_ctrl_c_ends_other_work(ground, tmp_path, call):
    endless = tmp_path / "endless.toml"
    endless.write_text("epochs = 1000000\nstop_patience = 1000000\nseeds = [1, 2]\n")
    call = call.format(model=str(ground.model), codec=str(ground.codec), corpus=str(ground.corpus), out=str(tmp_path / "out"),
                       settings=str(endless))
    code, said, err, seconds = interrupted(f"""
        import culturemert, numpy as np, threading, time
        threading.Timer(1.0, lambda: print("working", flush=True)).start()
        try:
            {call}
            print("done")
        except KeyboardInterrupt:
            print("stopped")
    """, after="working\n")
    assert (code, said) == (0, "working\nstopped\n"), (said, err)
    assert seconds < 15


def test_what_a_callback_raises_ends_training_and_is_raised(ground, tmp_path):
    class Enough(Exception):
        pass

    def enough(line):
        if line["update"] == 4:
            raise Enough("four are enough")

    with pytest.raises(Enough, match="four are enough"):
        culturemert.pretrain("pocket", ground.corpus, "scratch", tmp_path / "run", overrides=FEW, on_log=enough)
    log = []
    culturemert.pretrain(None, ground.corpus, None, tmp_path / "run", resume=True, on_log=log.append)
    assert [line["update"] for line in log] == [5, 6]


def test_what_the_command_says_goes_to_the_log(ground, tmp_path, caplog, capfd):
    with caplog.at_level(logging.INFO, "culturemert"):
        culturemert.synth(tmp_path / "recordings", 0.1, piece_seconds=6)
    assert [record.getMessage() for record in caplog.records] == [f"5 synthetic pieces in `{tmp_path / 'recordings'}`"]
    assert capfd.readouterr() == ("", "")


def test_a_warning_is_a_warning(ground, tmp_path, caplog):
    model, out = culturemert.load(ground.model), tmp_path / "a.json"
    culturemert.probe(model, ground.corpus, "instrument:", out, split="group", config=ground.probe_settings)
    out.write_text(out.read_text().replace('"probe_sha256": "', '"probe_sha256": "0'))
    model.tag(ground.wav, tmp_path / "a.safetensors")
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1 and "is the result of another probe" in warned[0]


def work_in_a_child(path, queue):
    try:
        queue.put(culturemert.cqt(path, bins=84).shape)
    except culturemert.UsageError as error:
        queue.put(str(error))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method, answer", [("spawn", (226, 84)), ("fork", "start it by `spawn`")])
def test_children_work_when_they_can_and_say_when_not(ground, method, answer):
    culturemert.cqt(ground.wav, bins=84)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=work_in_a_child, args=(pathlib.Path(ground.wav), queue))
    child.start()
    told = queue.get(timeout=60)
    child.join(60)
    assert told == answer if isinstance(answer, tuple) else answer in told
