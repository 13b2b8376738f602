#!/usr/bin/env bash
# A training job for SLURM that saves itself when it must leave and goes on when it is started again.
#
# usage: sbatch [--array=0-4] scripts/slurm_job.sh CONFIG [key=value ...]
#
# Two nodes of eight GPUs; change the lines below, or give sbatch the same options. Each task of an array is a run of
# its own, with its number as the seed. Where the cluster preempts with a signal to the job, the same thing happens.
#SBATCH --job-name=gluonlab
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%x-%A-%a.txt
set -euo pipefail

[ $# -ge 1 ] || { echo "error[CLI01] slurm_job: no CONFIG; sbatch scripts/slurm_job.sh CONFIG [key=value ...]" >&2; exit 2; }
cd "${SLURM_SUBMIT_DIR:-$PWD}"
# shellcheck disable=SC1091
source "${GLUONLAB_VENV:-.venv}/bin/activate"

recipe=$1
shift
overrides=("$@" "run_dir=${GLUONLAB_RUNS:-runs}/$(basename "$recipe" .yaml)-${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}-${SLURM_ARRAY_TASK_ID:-0}")
[ -z "${SLURM_ARRAY_TASK_ID:-}" ] || overrides+=("seed=$SLURM_ARRAY_TASK_ID")

gluonlab launch -n "$SLURM_NTASKS" --max-restarts 3 "$recipe" "${overrides[@]}" &
launcher=$!
trap 'kill -USR1 "$launcher"' USR1 TERM  # five minutes before the limit, or preempted: save, and leave with 75

code=0
wait "$launcher" || code=$?
while kill -0 "$launcher" 2>/dev/null; do  # a signal ends the wait, not the launcher
    code=0
    wait "$launcher" || code=$?
done
if [ "$code" = 75 ]; then
    echo "[slurm_job] saved; back into the queue as job $SLURM_JOB_ID"
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
