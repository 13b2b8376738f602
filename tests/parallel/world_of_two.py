"""Started under 2 processes by the tests: what each rank saw, as JSON.

usage: world_of_two.py OUT ENGINE
"""

import json
import sys
from pathlib import Path

import numpy as np

from gluonlab import arrays
from gluonlab.errors import ClusterError, DataError, GluonlabError
from gluonlab.losses.blocks import SmoothedCrossEntropy
from gluonlab.metrics import Metrics
from gluonlab.parallel.joining import join_world
from gluonlab.runtime.mxnet import mx
from gluonlab.task import Classification
from gluonlab.torch_engine import device_of


def fail_on_rank_1(rank):
    if rank == 1:
        raise DataError("DAT06", "a.rec: record 5", "not an image")


def main(out, engine):
    world = join_world(engine=engine)
    device = device_of("cpu") if engine == "torch" else mx.cpu()
    library = arrays.of(device)

    def make(values):
        return library.from_numpy(values, device)

    def full(shape, value):
        return make(np.full(shape, value))

    seen = {"rank": world.rank}
    one, ten = make([world.rank + 1.0]), make([10.0 * (world.rank + 1)])
    world.sum([one, ten], "pair")
    seen["sum"] = [float(library.to_numpy(one)[0]), float(library.to_numpy(ten)[0])]
    many = [full((1 << 16,), world.rank + 1) for _ in range(40)]  # 10 MB: more than one bucket
    for _ in range(3):  # the same names again and again
        for array in many:
            array[:] = world.rank + 1
        world.sum(many, "many")
    seen["many"] = [float(library.to_numpy(array).mean()) for array in many]
    pairs = []
    for _ in range(20):  # nothing waits for one sum before the next
        pair = [full((2, 3), world.rank + 1), make([10.0 * (world.rank + 1)])]
        world.sum_in_pairs(pair, "in pairs")
        pairs.append(pair)
    seen["in_pairs"] = [[library.to_numpy(array).tolist() for array in pair] for pair in pairs]
    weights = make([7.0, -0.0, 0.0, 1e-40, -1e38] if world.rank == 0 else [1.0, 2.0, -3.0, 4.0, 5.0])
    bias = full((1,), 3 + world.rank)
    world.broadcast([weights, bias])
    seen["broadcast"] = [library.to_numpy(array).tobytes().hex() for array in (weights, bias)]
    seen["texts"] = world.exchange("" if world.rank == 0 else "from rank 1: ü")
    try:
        world.run_on_all(lambda: fail_on_rank_1(world.rank))
    except GluonlabError as error:
        seen.update(raised=type(error).__name__, message=str(error))
    try:
        world.check_equal("the recipe", world.rank + 1)
    except ClusterError as error:
        seen["differs"] = str(error)
    metrics = Metrics(world, device, Classification(SmoothedCrossEntropy()))
    if world.rank == 0:  # 3 samples, one of them wrong; the other rank has 2
        metrics.update(make([1, 2, 3]), make([[1, 0], [1, 0], [1, 0]]), (None, make([0, 0, 1])))
    else:
        metrics.update(make([2, 2]), make([[1, 0], [0, 1]]), (None, make([0, 1])))
    seen["metrics"] = metrics.compute()
    Path(out, f"{world.rank}.json").write_text(json.dumps(seen))
    world.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
