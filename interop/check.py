"""Checks that our model files and those of transformers, torch and fairseq's layout are each other's. See README.md."""

import json
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import AutoFeatureExtractor, HubertModel

SAMPLE_RATE = 24_000
# Relative to the largest value of a state; see README.md.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
FAIRSEQ_KEYS = [
    "args", "cfg", "model", "criterion", "optimizer_history", "task_state", "extra_state", "last_optimizer_state",
]

failures = 0


def say(passed, model, check, detail):
    global failures
    failures += not passed
    print(f"{'ok  ' if passed else 'FAIL'} {model:52} {check:20} {detail}", flush=True)


def run(program, *arguments):
    done = subprocess.run([program, "--quiet", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def write_wave(path, seconds=1.0):
    """Two gliding tones and some noise as 16-bit samples, which float32 holds exactly."""
    t = np.arange(int(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    rng = np.random.default_rng(7)
    x = 0.3 * np.sin(2 * np.pi * (220 + 100 * t) * t) + 0.2 * np.sin(2 * np.pi * 1370 * t) + 0.02 * rng.standard_normal(t.size)
    samples = np.clip(np.round(x * 32768), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return samples.astype(np.float32) / 32768


def embed(program, directory, audio, out, normalize):
    run(program, "embed", "--model", directory, audio, "--out", out, "--window", 0, "--normalize", normalize)
    return np.load(out)


def load(directory):
    return HubertModel.from_pretrained(directory, output_loading_info=True, trust_remote_code=False)


def check_loading(name, directory):
    model, info = load(directory)
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    dtype = next(model.parameters()).dtype
    n = sum(parameter.numel() for parameter in model.parameters())
    say(not problems, name, "loads", f"{n} parameters, {dtype}; {problems or 'no missing or unexpected key'}")
    return model.eval()


def states_of(model, samples):
    """Hidden states as transformers 4.x gives them: the last one after the final norm, also in pre-norm models."""
    with torch.no_grad():
        out = model(torch.from_numpy(samples)[None].to(model.dtype), output_hidden_states=True)
    states = [state[0].float().numpy() for state in out.hidden_states]
    if model.config.do_stable_layer_norm:
        states[-1] = out.last_hidden_state[0].float().numpy()
    return states


def worst(ours, theirs):
    if len(ours) != len(theirs) or ours[0].shape != theirs[0].shape:
        return float("inf")
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(ours, theirs))


def check_states(name, model, ours, samples):
    theirs = states_of(model, samples)
    error = worst(ours, theirs)
    detail = f"{len(theirs)} states of {theirs[0].shape}, worst relative error {error:.1e}"
    say(error < TOLERANCE[model.dtype], name, "hidden states", detail)


def check_preprocessor(name, program, model, directory, audio, samples, scratch):
    """What their preprocessor makes of the wave, in their model; the wave itself in ours, which reads the same file."""
    extractor = AutoFeatureExtractor.from_pretrained(directory)
    same = extractor.sampling_rate == SAMPLE_RATE and type(extractor).__name__ == "Wav2Vec2FeatureExtractor"
    prepared = extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="np")["input_values"][0]
    out = scratch / "default.npy"
    run(program, "embed", "--model", directory, audio, "--out", out, "--window", 0)
    error = worst(np.load(out), states_of(model, prepared.astype(np.float32)))
    detail = f"do_normalize {extractor.do_normalize}, worst relative error of the states {error:.1e}"
    say(same and error < TOLERANCE[model.dtype], name, "preprocessor", detail)


def check_theirs(name, program, model, directory, audio, ours, scratch):
    """What transformers and torch save, read by ours."""
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    ways = {}
    ways["one file"] = scratch / "one"
    model.save_pretrained(ways["one file"])
    ways["sharded"] = scratch / "sharded"
    model.save_pretrained(ways["sharded"], max_shard_size="20KB")
    ways["bin"] = scratch / "bin"
    ways["sharded bin"] = scratch / "sharded_bin"
    for way in ("bin", "sharded bin"):
        ways[way].mkdir()
        model.config.save_pretrained(ways[way])
    torch.save(state, ways["bin"] / "pytorch_model.bin")
    names = sorted(state)
    half = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, keys in half.items():
        torch.save({key: state[key] for key in keys}, ways["sharded bin"] / file)
    index = {"metadata": {}, "weight_map": {key: file for file, keys in half.items() for key in keys}}
    (ways["sharded bin"] / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    for way, saved in ways.items():
        compared = run(program, "inspect", saved, "--against", scratch / "weights_only")
        equal = compared["equal"] and compared["n_equal"] == len(state)
        again = embed(program, saved, audio, scratch / "again.npy", "false")
        files = len(list(saved.glob("*.safetensors")) + list(saved.glob("*.bin")))
        detail = f"{files} file(s), {compared['n_equal']} of {len(state)} tensors equal, same embedding: {np.array_equal(again, ours)}"
        say(equal and np.array_equal(again, ours), name, f"theirs, {way}", detail)


def check_fairseq(name, program, directory, scratch):
    there, back = scratch / "there.pt", scratch / "back"
    run(program, "convert", directory, there, "--to", "fairseq")
    checkpoint = torch.load(there, weights_only=True)
    keys = list(checkpoint)
    model = checkpoint["model"]
    first = [key for key in model][:2]
    run(program, "convert", there, back, "--to", "hf")
    same = all(
        (directory / file).read_bytes() == (back / file).read_bytes()
        for file in ("model.safetensors", "heads.safetensors", "config.json", "preprocessor_config.json")
        if (directory / file).exists()
    )
    passed = keys == FAIRSEQ_KEYS and type(model).__name__ == "OrderedDict" and first[0] == "mask_emb" and same
    constants = sum("spec_layer" in key for key in model)
    detail = f"{len(model)} tensors, {constants} constants, {checkpoint['cfg']['model']['conv_feature_layers']}; back bit for bit: {same}"
    say(passed, name, "fairseq .pt", detail)


def check_model(program, given, scratch):
    name = "/".join(given.parts[-2:])
    directory = scratch / "model"
    run(program, "convert", given, directory, "--to", "hf")
    # Without heads, so that the comparison with what transformers saves is exact.
    weights_only = scratch / "weights_only"
    weights_only.mkdir()
    for file in ("config.json", "model.safetensors"):
        (weights_only / file).write_bytes((directory / file).read_bytes())
    audio = scratch / "wave.wav"
    samples = write_wave(audio)
    model = check_loading(name, directory)
    ours = embed(program, directory, audio, scratch / "ours.npy", "false")
    check_states(name, model, ours, samples)
    check_preprocessor(name, program, model, directory, audio, samples, scratch)
    check_theirs(name, program, model, directory, audio, ours, scratch)
    check_fairseq(name, program, directory, scratch)


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    program, *models = sys.argv[1:]
    for given in models:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                check_model(Path(program).resolve(), Path(given), Path(scratch))
            except Exception as error:  # A check that cannot run has failed.
                say(False, Path(given).name, "runs", f"{type(error).__name__}: {error}")
    print(f"{failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
