#!/usr/bin/env bash
# MXNet 1.9.1 (CPU), nd.contrib.BatchNormWithReLU: running statistics that are read right after backward are often those of before it.
#
# On a CPU the statistics advance in backward. BatchNorm's backward tells MXNet's engine that it writes them, so asnumpy waits for it; that of
# BatchNormWithReLU, which is the same with the ReLU behind it, does not. asnumpy then returns at once, and the array it was read from changes a
# moment later, without an error. After nd.waitall(), or by an operator in the same queue, the new values are read. Whoever saves a
# network between backward and a wait saves other statistics than the network has.
#
# seen: changed after they were read: BatchNormWithReLU 19 of 30 and 10 of 30 in two runs, BatchNorm 0 of 30
#
# usage: findings/mxnet_norm_relu_statistics.sh     (PYTHON: a Python 3.9 to 3.11; exits with 0 while MXNet behaves so)
set -euo pipefail

python=${PYTHON:-python3.11}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mxnet==1.9.1 numpy==1.23.5

"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from mxnet import autograd, nd

TRIES = 30


def is_read_too_early(norm):
    images = nd.random.normal(3, 1, shape=(32, 16, 32, 32))
    gamma, beta, mean, variance = nd.ones(16), nd.zeros(16), nd.zeros(16), nd.ones(16)
    for array in (images, gamma, beta):
        array.attach_grad()
    with autograd.record():
        output = norm(images, gamma, beta, mean, variance, fix_gamma=False, momentum=0.9)
    output.backward()
    read = mean.asnumpy().copy()
    nd.waitall()
    return not np.array_equal(read, mean.asnumpy())


joined = sum(is_read_too_early(nd.contrib.BatchNormWithReLU) for _ in range(TRIES))
plain = sum(is_read_too_early(nd.BatchNorm) for _ in range(TRIES))
print(f"changed after they were read: BatchNormWithReLU {joined} of {TRIES}, BatchNorm {plain} of {TRIES}")
sys.exit(0 if joined > 0 and plain == 0 else 1)
PY
