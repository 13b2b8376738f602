"""Started under P processes by the tests: updates from a fixed state, the tensors after them to a file.

usage: one_update.py RECIPE OUT UPDATES [key=value ...]
"""

import sys
from pathlib import Path

import numpy as np

from gluonlab.config import load_config
from gluonlab.parallel.environment import set_cpu_threads


def main(recipe, out, updates, *overrides):
    set_cpu_threads(1, 1)
    from gluonlab import arrays
    from gluonlab.build.device import load_engine
    from gluonlab.build.run import build_run
    from gluonlab.metrics import Metrics
    from gluonlab.parallel.joining import join_world
    from gluonlab.training.loop import train_step
    from gluonlab.training.state import state_arrays

    config = load_config(Path(recipe), overrides)
    world = join_world(engine=load_engine(config))
    run = build_run(config, Path(out), world)
    metrics = Metrics(world, run.ctx, run.task)
    requests = run.sampler.requests(0, int(updates), run.workers.worker_batch_size, run.workers.mine)
    batches = run.loader.batches(requests)
    for _ in range(int(updates)):
        train_step(run.state, batches, run.task, run.schedule, run.workers, metrics)
    results = metrics.compute()
    tensors = {f"{file}/{name}": arrays.of(one).to_numpy(one) for file, name, one in state_arrays(run.state)}
    world.check_equal(
        "the sum of all tensors", sum(float(np.abs(a).sum(dtype=float)) for a in tensors.values())
    )
    if world.rank == 0:
        np.savez(Path(out) / f"processes-{world.size}.npz", metrics=[*results.values()], **tensors)
    world.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
