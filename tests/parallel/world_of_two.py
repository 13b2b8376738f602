"""Started under 2 processes by the tests: what each rank saw, as JSON.

usage: world_of_two.py OUT
"""

import json
import sys
from pathlib import Path

from gluonlab.errors import ClusterError, DataError, GluonlabError
from gluonlab.metrics import Metrics
from gluonlab.parallel.joining import join_world
from gluonlab.runtime.mxnet import mx, nd


def fail_on_rank_1(rank):
    if rank == 1:
        raise DataError("DAT06", "a.rec: record 5", "not an image")


def main(out):
    world = join_world()
    seen = {"rank": world.rank}
    one, ten = nd.array([world.rank + 1.0]), nd.array([10.0 * (world.rank + 1)])
    world.sum([one, ten], "pair")
    seen["sum"] = [float(one.asscalar()), float(ten.asscalar())]
    many = [nd.full((1 << 16,), world.rank + 1) for _ in range(40)]  # 10 MB: more than one bucket
    for _ in range(3):  # the same names again and again
        for array in many:
            array[:] = world.rank + 1
        world.sum(many, "many")
    seen["many"] = [float(array.mean().asscalar()) for array in many]
    for _ in range(2):
        pair = [nd.full((2, 3), world.rank + 1), nd.array([10.0 * (world.rank + 1)])]
        world.sum_in_pairs(pair, "in pairs")
    seen["in_pairs"] = [array.asnumpy().tolist() for array in pair]
    weights = nd.array([7.0, -0.0, 0.0, 1e-40, -1e38] if world.rank == 0 else [1.0, 2.0, -3.0, 4.0, 5.0])
    bias = nd.full((1,), 3 + world.rank)
    world.broadcast([weights, bias])
    seen["broadcast"] = [array.asnumpy().tobytes().hex() for array in (weights, bias)]
    seen["texts"] = world.exchange("" if world.rank == 0 else "from rank 1: ü")
    try:
        world.run_on_all(lambda: fail_on_rank_1(world.rank))
    except GluonlabError as error:
        seen.update(raised=type(error).__name__, message=str(error))
    try:
        world.check_equal("the recipe", world.rank + 1)
    except ClusterError as error:
        seen["differs"] = str(error)
    metrics = Metrics(world, mx.cpu())
    if world.rank == 0:  # 3 samples, one of them wrong; the other rank has 2
        metrics.update(nd.array([1, 2, 3]), nd.array([[1, 0], [1, 0], [1, 0]]), nd.array([0, 0, 1]))
    else:
        metrics.update(nd.array([2, 2]), nd.array([[1, 0], [0, 1]]), nd.array([0, 1]))
    seen["metrics"] = metrics.compute()
    Path(out, f"{world.rank}.json").write_text(json.dumps(seen))
    world.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
