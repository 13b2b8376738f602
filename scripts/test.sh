#!/usr/bin/env bash
# Sets everything up and runs all checks: ruff, mypy, unit tests, tests under 1, 2 and 4 processes.
#
# usage: scripts/test.sh [pytest arguments]      (default: everything that is not marked slow, faults or study)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
"$root/scripts/install.sh" cpu
python=${GLUONLAB_VENV:-$root/.venv}/bin/python

echo "[test] ruff"
"$python" -m ruff format --check .
"$python" -m ruff check .
if "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
    echo "[test] mypy"
    "$python" -m mypy
else
    echo "[test] mypy: left out, for types are checked against those of NumPy 1, on Python 3.9 to 3.12"
fi
echo "[test] pytest"
if [ $# -eq 0 ]; then
    set -- -m "not slow and not faults and not study"
fi
"$python" -m pytest -q --durations=20 --durations-min=5 "$@"
