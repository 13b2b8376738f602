#!/usr/bin/env bash
# MXNet 1.9.1 (CPU), ImageRecordIter(saturation=...): the gray that a pixel is mixed with takes red for blue and blue for red.
#
# Saturation f means f * pixel + (1 - f) * gray, with gray = 0.299 r + 0.587 g + 0.114 b. The iterator augments images in OpenCV's
# order, blue first, with weights that stand in the order of red first. So pure red fades to a gray of 0.114 r and pure blue to 0.299 b,
# and a fading red gets darker than its own brightness. Gluon's transforms have another fault of the kind (mxnet_random_saturation.sh).
#
# seen: of (200, 0, 0) the gray is 22.2 to 24.4; 0.299 r is 59.8, 0.114 r is 22.8
#
# usage: findings/mxnet_record_iter_saturation.sh     (PYTHON: a Python 3.9 to 3.11; exits with 0 while MXNet behaves so)
set -euo pipefail

python=${PYTHON:-python3.11}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mxnet==1.9.1 numpy==1.23.5 opencv-python-headless==4.11.0.86

cd "$folder"
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys

import mxnet as mx
import numpy as np

IMAGES, RED = 16, 200
blue_first = np.zeros((32, 32, 3), "uint8")
blue_first[..., 2] = RED
writer = mx.recordio.MXIndexedRecordIO("red.idx", "red.rec", "w")
for number in range(IMAGES):
    header = mx.recordio.IRHeader(0, 0.0, number, 0)
    writer.write_idx(number, mx.recordio.pack_img(header, blue_first, quality=9, img_fmt=".png"))
writer.close()


def first_pixels(**augmentation):
    iterator = mx.io.ImageRecordIter(
        path_imgrec="red.rec", path_imgidx="red.idx", data_shape=(3, 32, 32), batch_size=IMAGES, **augmentation
    )
    return iterator.next().data[0].asnumpy()[:, :, 0, 0]


assert (first_pixels() == [RED, 0, 0]).all()  # red comes first in what the iterator hands over
pixels = first_pixels(saturation=0.5, seed=1)
factor = (pixels[:, 0] - pixels[:, 1]) / RED
faded = factor < 0.95
gray = pixels[faded, 1] / (1 - factor[faded])
right, exchanged = 0.299 * RED, 0.114 * RED
print(f"gray of ({RED}, 0, 0): {gray.min():.1f} to {gray.max():.1f}; 0.299 r is {right:.1f}, 0.114 r is {exchanged:.1f}")
sys.exit(0 if faded.any() and np.abs(gray - exchanged).max() < 3 else 1)
PY
