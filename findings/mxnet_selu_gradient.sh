#!/usr/bin/env bash
# MXNet 1.9.1 (CPU), LeakyReLU(act_type="selu"): below zero the gradient is not that of the value.
#
# SELU below zero is s * a * (exp(x) - 1), with s = 1.0507 and a = 1.6733, whose derivative is the output plus s * a. MXNet's
# backward takes s * (output + a), so the output is scaled once more: at x = -1 it gives 0.5898 where the slope is 0.6467.
# Above zero it is right. Networks with SELU train, but not by the gradient of their loss.
#
# seen: value -1.1113, slope by differences 0.6467, gradient of MXNet 0.5903
#
# usage: findings/mxnet_selu_gradient.sh     (PYTHON: a Python 3.9 to 3.11; exits with 0 while MXNet behaves so)
set -euo pipefail

python=${PYTHON:-python3.11}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mxnet==1.9.1 numpy==1.23.5

"$folder/venv/bin/python" - <<'PY'
import sys

from mxnet import autograd, nd


def selu(x):
    return nd.LeakyReLU(x, act_type="selu")


x, width = nd.array([-1.0], dtype="float64"), 1e-4
slope = ((selu(x + width) - selu(x - width)) / (2 * width)).asscalar()
x.attach_grad()
with autograd.record():
    y = selu(x)
y.backward()
gradient = x.grad.asscalar()
print(f"value {y.asscalar():.4f}, slope by differences {slope:.4f}, gradient of MXNet {gradient:.4f}")
sys.exit(0 if abs(gradient - slope) > 0.05 else 1)
PY
