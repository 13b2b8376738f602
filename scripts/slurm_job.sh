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

fail() { printf 'error[%s] slurm_job: %s; %s\n' "$1" "$2" "$3" >&2; exit "$4"; }

is_count() { [[ ${1:-} =~ ^[1-9][0-9]{0,6}$ ]]; }

# SLURM 1 has SLURM_NPROCS only, 23.02.0 no total where --ntasks-per-node is given alone. SLURM_TASKS_PER_NODE comes after
# that: without --ntasks it is what the CPUs would take, and 26.05 does not set it. SLURM_STEP_* may have been left by
# an srun that the job was sent from.
count_tasks() {
    local nodes=${SLURM_JOB_NUM_NODES:-${SLURM_NNODES:-}}
    if is_count "${SLURM_NTASKS:-}"; then
        echo "$SLURM_NTASKS" SLURM_NTASKS
    elif is_count "${SLURM_NPROCS:-}"; then
        echo "$SLURM_NPROCS" SLURM_NPROCS
    elif is_count "$nodes" && is_count "${SLURM_NTASKS_PER_NODE:-}"; then
        echo "$((nodes * SLURM_NTASKS_PER_NODE))" "$nodes nodes, SLURM_NTASKS_PER_NODE"
    elif [ "$(sum_of "${SLURM_TASKS_PER_NODE:-}")" -gt 0 ]; then
        echo "$(sum_of "$SLURM_TASKS_PER_NODE")" SLURM_TASKS_PER_NODE
    elif is_count "${SLURM_STEP_NUM_TASKS:-}"; then
        echo "$SLURM_STEP_NUM_TASKS" SLURM_STEP_NUM_TASKS
    elif is_count "$nodes"; then
        echo "$nodes" "one for each of SLURM_JOB_NUM_NODES"
    fi
}

sum_of() {  # of 2(x3),1 it is 7; 0 if it is no such list
    local part total=0
    for part in ${1//,/ }; do
        [[ $part =~ ^([1-9][0-9]{0,6})(\(x([1-9][0-9]{0,6})\))?$ ]] || { total=0; break; }
        total=$((total + BASH_REMATCH[1] * ${BASH_REMATCH[3]:-1}))
    done
    echo "$total"
}

[ $# -ge 1 ] || fail CLI01 "no CONFIG" "sbatch scripts/slurm_job.sh CONFIG [key=value ...]" 2
job=${SLURM_JOB_ID:-${SLURM_JOBID:-}}
[ -n "$job" ] || fail CLI02 "not inside a SLURM job, for SLURM_JOB_ID is not set" "sbatch scripts/slurm_job.sh $*" 2
read -r tasks told < <(count_tasks) ||
    fail CLI02 "SLURM does not say how many tasks job $job has" "give sbatch --ntasks=NUMBER" 2
cd "${SLURM_SUBMIT_DIR:-$PWD}" 2>/dev/null || fail CLI02 "SLURM_SUBMIT_DIR is not on this host" "send the job from a shared file system" 2
activate=${GLUONLAB_VENV:-.venv}/bin/activate
[ -f "$activate" ] ||
    fail ENV10 "$activate is not there in $PWD" "run ./scripts/install.sh, or set GLUONLAB_VENV to where it went" 8
# shellcheck disable=SC1090
source "$activate"

recipe=$1
shift
overrides=("$@" "run_dir=${GLUONLAB_RUNS:-runs}/$(basename "$recipe" .yaml)-${SLURM_ARRAY_JOB_ID:-$job}-${SLURM_ARRAY_TASK_ID:-0}")
[ -z "${SLURM_ARRAY_TASK_ID:-}" ] || overrides+=("seed=$SLURM_ARRAY_TASK_ID")

echo "[slurm_job] $tasks processes ($told)"
gluonlab launch -n "$tasks" --max-restarts 3 "$recipe" "${overrides[@]}" &
launcher=$!
trap 'kill -USR1 "$launcher"' USR1 TERM  # five minutes before the limit, or preempted: save, and leave with 75

code=0
wait "$launcher" || code=$?
while kill -0 "$launcher" 2>/dev/null; do  # a signal ends the wait, not the launcher
    code=0
    wait "$launcher" || code=$?
done
if [ "$code" = 75 ]; then
    echo "[slurm_job] saved; back into the queue as job $job"
    scontrol requeue "$job"
fi
exit "$code"
