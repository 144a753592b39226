#!/bin/sh
# Prepares and tokenizes a corpus by Slurm arrays: slurm.sh INDEX CORPUS CODEC [JOBS]
set -eu
index=$1 corpus=$2 codec=$3 jobs=${4:-16}

submit() { sbatch --parsable --cpus-per-task=4 --mem=8G "$@"; }

prepare="culturemert prepare --index '$index' --out '$corpus'"
tokenize="culturemert tokenize --codec '$codec' --corpus '$corpus'"

shares=$(submit --array="1-$jobs" --requeue --wrap "$prepare --shard auto")
whole=$(submit --dependency="afterok:$shares" --wrap "$prepare --assemble $jobs")
shares=$(submit --array="1-$jobs" --requeue --dependency="afterok:$whole" --wrap "$tokenize --shard auto")
submit --dependency="afterok:$shares" --wrap "$tokenize --assemble $jobs"
