#!/usr/bin/env bash
# MXNet 1.9.1 (CPU): the norm of many float32 numbers is far too small, without a word.
#
# nd.norm adds all squares up in one float32. Once the sum is some 16 million times one square, a square changes it no more.
# Of 100 million draws of a normal distribution the norm comes out 15 % too small, of 2.4 million 0.1 %; nd.dot(x, x), by
# OpenBLAS in several sums, is 0.4 % too small as a norm. Layers of that size exist: the first fully connected one of VGG has
# 102,760,448 weights. NumPy's own sum in float64 is the measure.
#
# seen: nd.norm / right 0.8503, nd.dot / right 0.9957 (nd.dot depends on the processor)
#
# usage: findings/mxnet_norm_of_many.sh     (PYTHON: a Python 3.9 to 3.11; exits with 0 while MXNet behaves so)
set -euo pipefail

python=${PYTHON:-python3.11}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mxnet==1.9.1 numpy==1.23.5

"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from mxnet import nd

values = np.random.RandomState(0).standard_normal(102_760_448).astype(np.float32)
right = float(np.sqrt(np.sum(values.astype(np.float64) ** 2)))
array = nd.array(values)
norm = float(nd.norm(array).asscalar()) / right
dot = float(nd.dot(array, array).asscalar()) ** 0.5 / right
print(f"nd.norm / right {norm:.4f}, nd.dot / right {dot:.4f}")
sys.exit(0 if norm < 0.9 else 1)
PY
