"""Started under 2 processes by the tests: what a Horovod without NCCL does for a GPU, on another device.

usage: staged_sums.py OUT
"""

import json
import sys
from pathlib import Path

import gluonlab.runtime.mxnet  # noqa: F401
from gluonlab.parallel.horovod_world import HorovodWorld
from gluonlab.runtime.mxnet import mx, nd


def main(out):
    world = HorovodWorld(stage_on_host=True)
    device = mx.cpu(1)
    matrix = nd.empty((2, 3), device)
    vector = nd.empty((4,), device)
    half = nd.empty((1,), device, dtype="float16")
    for _ in range(3):  # the same arrays again and again, none of them waited for
        matrix[:] = world.rank + 1
        vector[:] = 10 * (world.rank + 1)
        half[:] = 0.5
        world.sum([matrix, half, vector], "mixed")
    weights, bias = nd.full((2,), 7 - world.rank, device), nd.full((1,), 3 + world.rank, device)
    world.broadcast([weights, bias])
    seen = {
        "sums": [array.asnumpy().tolist() for array in (matrix, vector, half)],
        "weights": [*weights.asnumpy().tolist(), *bias.asnumpy().tolist()],
        "devices": [str(array.context) for array in (matrix, weights)],
    }
    Path(out, f"{world.rank}.json").write_text(json.dumps(seen))
    world.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
