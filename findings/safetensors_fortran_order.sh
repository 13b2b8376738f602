#!/usr/bin/env bash
# safetensors 0.8.0 saves a NumPy array in Fortran order with its values mixed up, and says nothing.
#
# Its documentation asks for arrays that are "contiguous and dense", which one in Fortran order is. 0.7.0 saved it
# rightly; 0.8.0 hands the memory over as it lies, under a shape that is read in C order. The same happens to views
# with strides. Known there: github.com/safetensors/safetensors/issues/825.
#
# Seen on 2026-11-27 with NumPy 2.2.6 on Python 3.11.7, Linux: the lines below. gluonlab saves C order only, and
# leaves 0.8.0 out. Exits 1 if what is seen is no longer so.
set -euo pipefail

seen='0.7.0: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] became [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
0.8.0: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] became [[0.0, 3.0, 1.0], [4.0, 2.0, 5.0]]'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
found=''
for version in 0.7.0 0.8.0; do
    "$folder/venv/bin/pip" install -q "safetensors==$version" numpy==2.2.6
    found+=$("$folder/venv/bin/python" - "$version" <<'PY'
import sys

import numpy as np
import safetensors.numpy

array = np.asfortranarray(np.arange(6, dtype="float32").reshape(2, 3))
read = safetensors.numpy.load(safetensors.numpy.save({"array": array}))["array"]
print(f"{sys.argv[1]}: {array.tolist()} became {read.tolist()}")
PY
    )$'\n'
done
printf '%s' "$found"
[ "$found" = "$seen"$'\n' ] || { echo "this is not what was seen: $seen"; exit 1; }
