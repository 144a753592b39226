#!/bin/sh
# Prepares and tokenizes a corpus by GNU parallel: parallel.sh INDEX CORPUS CODEC [JOBS]
set -eu
index=$1 corpus=$2 codec=$3 jobs=${4:-4}

# `--retries` starts a share again that was killed; `-q` keeps spaces in names.
share() { seq "$jobs" | parallel --retries 3 -q "$@" --shard "{}/$jobs"; }

share culturemert prepare --index "$index" --out "$corpus"
culturemert prepare --index "$index" --out "$corpus" --assemble "$jobs"
share culturemert tokenize --codec "$codec" --corpus "$corpus"
culturemert tokenize --codec "$codec" --corpus "$corpus" --assemble "$jobs"
