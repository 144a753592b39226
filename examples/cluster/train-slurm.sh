#!/bin/sh
# Trains with one process a node by Slurm: sbatch --nodes 8 train-slurm.sh PLAN CORPUS INIT RUN
# The program is built with `--features mpi` against the cluster's library. The same command goes on with a run that was cut off, with
# however many nodes it then gets.
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --mem=64G
#SBATCH --time=24:00:00
# Ten minutes before the end every process is told to stop: they save together and exit with 130.
#SBATCH --signal=TERM@600
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu
plan=$1 corpus=$2 init=$3 run=$4

# A rank uses the cores Slurm gives it and no more.
export RAYON_NUM_THREADS="$SLURM_CPUS_PER_TASK"
if [ -f "$run/identity.json" ]; then
    set -- --resume
else
    set -- --config "$plan" --init "$init"
fi
# One lost task ends the others; the newest checkpoint stays.
exec srun --mpi=pmix --cpu-bind=cores --kill-on-bad-exit=1 culturemert pretrain --corpus "$corpus" --out "$run" "$@"
