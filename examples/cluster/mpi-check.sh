#!/bin/sh
# Checks training by several processes on this machine: mpi-check.sh [PROGRAM] [FOLDER]
# PROGRAM is built with `--features mpi`. Needs mpirun and python3. Prints what it found, and fails where two ranks are not as good as one.
set -eu
program=$(realpath "$(command -v "${1:-culturemert}")") folder=${2:-mpi-check}
mkdir -p "$folder"
cd "$folder"

# One thread a rank, so that one rank and two are compared on as many cores as they have ranks.
export RAYON_NUM_THREADS=1
ranks() {
    n=$1
    shift
    mpirun --allow-run-as-root --oversubscribe --bind-to none -n "$n" "$program" "$@"
}
train() {
    n=$1 out=$2
    shift 2
    ranks "$n" --quiet pretrain --config pocket --corpus corpus --init scratch --out "$out" "$@" \
        --set stage.0.updates=10 --set stage.1.updates=40 --set checkpoints.every=5 \
        --set stage.0.micro_batch=2 --set stage.0.accumulation=4 --set stage.1.micro_batch=2 --set stage.1.accumulation=4
}
again() { ranks "$1" --quiet pretrain --corpus corpus --out "$2" --resume; }
# So many updates are in the log of a run.
reached() { [ -f "$1/log.jsonl" ] && [ "$(grep -c '"kind":"update"' "$1/log.jsonl")" -ge "$2" ]; }
wait_for() { until reached "$1" "$2"; do sleep 0.05; done; }
# The last rank that the launcher $1 started.
last_rank_of() {
    mpirun_pid=$(pgrep -P "$1" -x mpirun || echo "$1")
    pgrep -P "$mpirun_pid" | tail -n 1
}
compare() { python3 - "$@" <<'PYTHON'
import json, sys
what, one, other = sys.argv[1:4]
def updates(run):
    lines = map(json.loads, open(run + "/log.jsonl"))
    return [line for line in lines if line["kind"] == "update"]
one, other = updates(one), updates(other)
assert len(one) == len(other) == 50, (len(one), len(other))
assert [u["masked_frames"] for u in one] == [u["masked_frames"] for u in other], "they did not hear the same"
worst = max(abs(a["loss"]["total"] - b["loss"]["total"]) / a["loss"]["total"] for a, b in zip(one, other))
seconds = [sorted(u["seconds"]["total"] for u in run[11:])[19] for run in (one, other)]
exchanging = sorted(u["seconds"].get("exchanging", 0) for u in other[11:])[19]
print(f"{what}: losses differ by {worst:.1e} at most; median seconds an update {seconds[0]:.3f} and {seconds[1]:.3f}, of which exchanging {exchanging:.3f}")
assert worst < 1e-3, "more than the order of additions explains"
PYTHON
}

if ! [ -f corpus/corpus.toml ]; then
    "$program" --quiet synth --out recordings --minutes 0.5 --piece-seconds 10 >/dev/null
    "$program" --quiet prepare --index recordings/index.jsonl --out corpus >/dev/null
    "$program" --quiet fit-codec --corpus corpus --out codec --codebooks 4 --entries 64 >/dev/null
    "$program" --quiet tokenize --codec codec --corpus corpus >/dev/null
fi
rm -rf one two two-again killed stopped hung

train 1 one >/dev/null
train 2 two >/dev/null
compare "one rank and two" one two
train 2 two-again >/dev/null
cmp two/model/model.safetensors two-again/model/model.safetensors
echo "two ranks twice: the same bytes"

# A rank is killed; what is left goes on with one rank.
train 2 killed >/dev/null 2>killed.talk &
launcher=$!
wait_for killed 17
kill -9 "$(last_rank_of "$launcher")"
if wait "$launcher"; then echo "a killed rank was not noticed" >&2; exit 1; fi
grep -m 1 "exited on signal" killed.talk
again 1 killed >/dev/null
compare "one rank and two of which one was killed, then one" one killed

# One rank is asked to stop; all stop with it, at the same update.
code=0
train 2 stopped >/dev/null 2>stopped.talk &
launcher=$!
wait_for stopped 12
kill -TERM "$(last_rank_of "$launcher")"
wait "$launcher" || code=$?
grep -m 1 -o "^interrupted: a checkpoint holds update [0-9]*" stopped.talk
[ "$code" = 130 ] || { echo "the exit code is $code, not 130" >&2; exit 1; }
again 2 stopped >/dev/null
cmp two/model/model.safetensors stopped/model/model.safetensors
echo "stopped (exit code $code), then went on with two ranks: the bytes of two"

# A rank hangs and nobody notices; the other ends when its patience does, and what is saved goes on.
train 2 hung --patience 5 >/dev/null 2>hung.talk &
launcher=$!
wait_for hung 12
kill -STOP "$(last_rank_of "$launcher")"
if wait "$launcher"; then echo "a rank that hangs was not noticed" >&2; exit 1; fi
grep -m 1 -o "rank 0 of 2 waited [0-9]* s for the others" hung.talk
again 2 hung >/dev/null
cmp two/model/model.safetensors hung/model/model.safetensors
echo "hung, then went on with two ranks: the bytes of two"
