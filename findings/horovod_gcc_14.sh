#!/usr/bin/env bash
# Horovod 0.28.1, the newest release, is not compiled by GCC 14 or later: a header that it brings assigns const members.
#
# The header is FlatBuffers' stl_emulation.h: operator= of a span sets data_ and count_, which are const. Until version
# 13 GCC looked at such a template only when it was used. scripts/horovod.sh takes the two words out.
#
# Seen on 2026-11-27 with GCC 14.2.0 (Debian 13) and 16.2.0 (Debian testing): the line below. Needs GCC 14 or later as
# CXX (default g++), else exits 2; exits 1 if what is seen is no longer so.
set -euo pipefail

seen="as it is: assignment of read-only member 'flatbuffers::span<T, Extent>::count_'; without the two words: nothing"

compiler=${CXX:-g++}
[ "$("$compiler" -dumpversion | cut -d. -f1)" -ge 14 ] || { echo "needs GCC 14 or later"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q setuptools==79.0.1 packaging==26.3 cloudpickle==3.1.2 psutil==7.2.2 pyyaml==6.0.3 cffi==2.0.0
"$folder/venv/bin/pip" download -q --no-deps --no-build-isolation --no-binary horovod -d "$folder" horovod==0.28.1
tar -xzf "$folder"/horovod-0.28.1.tar.gz -C "$folder"
cd "$folder/horovod-0.28.1/third_party/flatbuffers/include"

complaint() {
    local said
    said=$(LC_ALL=C "$compiler" -std=c++14 -fsyntax-only -I. -x c++ - <<<'#include "flatbuffers/stl_emulation.h"' 2>&1) || true
    sed -n "s/ \[-W.*//; s/.*error: //p" <<<"${said:-error: nothing}" | head -n 1
}

found="as it is: $(complaint); "
sed -i 's/const size_type count_;/size_type count_;/; s/pointer const data_;/pointer data_;/' flatbuffers/stl_emulation.h
found+="without the two words: $(complaint)"
echo "$found"
[ "$found" = "$seen" ] || { echo "this is not what was seen: $seen"; exit 1; }
