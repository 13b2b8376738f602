#!/usr/bin/env bash
# Sets everything up and runs all checks: formatting, lint, types, tests. Tests of training in parallel start
# real MPI jobs with 1, 2 and 4 processes.
#
# usage: scripts/test.sh [--fast] [pytest arguments]     (default: everything that is not marked slow, faults or study)
#
# --fast takes under three minutes on two cores. It leaves out what trains, starts jobs or builds whole networks: the
# folders bench, build, cli, doctor, faults, inference, launch, models, parallel, runtime, scripts, supervision, sweep,
# torch_engine, training and weights, the miniature ImageNet, the example of a network of one's own, and half a minute
# of draws of mixup's shares.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
FAST=(tests/test_*.py tests/{arrays,checkpoint,config,data,docs,losses,optim,reporting,schedules,simulate} tests/recipes/test_published_*.py)
NOT_FAST=(--ignore tests/docs/test_your_own_net.py
    --deselect tests/data/test_mixing.py::test_shares_are_drawn_from_the_beta_distribution)

tests=(-m "not slow and not faults and not study")
fast=no
if [ "${1:-}" = --fast ]; then
    shift
    fast=yes
    tests+=("${NOT_FAST[@]}" "${FAST[@]}")
    echo "[test] fast: without training, jobs and whole networks (see the head of scripts/test.sh)"
elif [ $# -gt 0 ]; then
    tests=()
fi

"$root/scripts/install.sh" cpu
python=${GLUONLAB_VENV:-$root/.venv}/bin/python

echo "[test] ruff"
"$python" -m ruff format --check .
"$python" -m ruff check .
echo "[test] codespell"
"${python%/*}/codespell" ./*.md .github benchmarks configs docs findings gluonlab scripts tests
check_types() {
    if "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
        echo "[test] mypy"
        "$python" -m mypy
    else
        echo "[test] mypy: left out, since types are checked against those of NumPy 1, on Python 3.9 to 3.12"
    fi
}

types=
if [ "$fast" = yes ]; then
    check_types &  # beside pytest, which uses one core mostly
    types=$!
else
    check_types
fi
echo "[test] pytest"
failed=0
"$python" -m pytest -q --durations=20 --durations-min=5 ${tests[@]+"${tests[@]}"} "$@" || failed=$?
[ -z "$types" ] || wait "$types" || failed=$?
exit "$failed"
