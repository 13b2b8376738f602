"""Forward passes of a network of the zoo in an engine for inference, as `gluonlab predict` runs them.

python -m benchmarks.speed.peers.gluonlab_inference ENGINE MODEL BATCH SIZE     (started by versus_peers.py)
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.speed.peers.protocol import serve
from gluonlab import models
from gluonlab.inference.engines import make_engine
from gluonlab.runtime.mxnet import mx, nd


def main(name: str, model: str, batch: int, size: int) -> None:
    net = models.create(model)
    net.initialize()
    images = np.random.RandomState(0).standard_normal((batch, 3, size, size)).astype(np.float32)
    engine = make_engine(net, name, images.shape[1:], check=False)
    serve(lambda: engine(images), nd.waitall, {"mxnet": mx.__version__})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:5]))
