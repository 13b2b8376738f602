#!/usr/bin/env bash
# Builds the documentation site of docs/*.md and of docstrings into docs/_build/html. A warning is an error: a link or an
# anchor that leads nowhere, a page that no list names, a docstring that is not reStructuredText.
#
# usage: scripts/docs.sh [FOLDER]     (Python 3.11 or 3.12; the extra `docs` is installed where it is missing)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=$(realpath -m "${1:-$root/docs/_build/html}")
venv=${GLUONLAB_VENV:-$root/.venv}
cd "$root"

[ -x "$venv/bin/python" ] || ./scripts/install.sh cpu --without-horovod
"$venv/bin/python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || {
    printf 'error[ENV10] docs: the pinned Sphinx needs Python 3.11 or 3.12; set GLUONLAB_VENV to such an environment\n' >&2
    exit 8
}
"$venv/bin/python" -c 'import furo, myst_parser, sphinx' 2>/dev/null ||
    "$venv/bin/pip" install -q -c scripts/constraints.txt --no-build-isolation -e ".[docs]"
"$venv/bin/python" -m sphinx -b html -W --keep-going -q -d "$target/../doctrees" docs "$target"
echo "[docs] $target/index.html"
