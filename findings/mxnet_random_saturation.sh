#!/usr/bin/env bash
# MXNet 1.9.1 (CPU), nd.image.random_saturation, and with it Gluon's RandomSaturation and RandomColorJitter: the gray that a pixel is
# mixed with is made of its last channel alone.
#
# Saturation f means f * pixel + (1 - f) * gray, with gray = 0.299 r + 0.587 g + 0.114 b. The operator keeps the last of the three products
# instead of their sum, so gray is 0.114 b, nearly black: f = 0.6 darkens a picture as a whole, f = 1.4 brightens it. The older
# mx.image.SaturationJitterAug adds them up. Recipes that jitter colours with Gluon's transforms jitter brightness instead.
#
# seen: (100, 50, 25) at 0.6 becomes (61.14, 31.14, 16.14); by the formula (84.84, 54.84, 39.84)
#
# usage: findings/mxnet_random_saturation.sh     (PYTHON: a Python 3.9 to 3.11; exits with 0 while MXNet behaves so)
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

FACTOR, PIXEL = 0.6, np.array([100.0, 50.0, 25.0])
weights = np.array([0.299, 0.587, 0.114])
right = FACTOR * PIXEL + (1 - FACTOR) * (weights @ PIXEL)
last_only = FACTOR * PIXEL + (1 - FACTOR) * weights[2] * PIXEL[2]
image = nd.array(PIXEL.reshape(1, 1, 3), dtype="float32")
found = nd.image.random_saturation(image, min_factor=FACTOR, max_factor=FACTOR).asnumpy().ravel()
print(f"MXNet {np.round(found, 2)}, by the formula {np.round(right, 2)}, with the last channel alone {np.round(last_only, 2)}")
sys.exit(0 if np.allclose(found, last_only, atol=1e-3) and not np.allclose(found, right, atol=1) else 1)
PY
