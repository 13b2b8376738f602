"""Two processes train; the second is made to differ from the first in the way that argument 1 names."""

import sys
import traceback
from pathlib import Path

import gluonlab as gl

world = gl.join_world()
from mxnet import gluon  # noqa: E402

from gluonlab.build.run import build_run  # noqa: E402
from gluonlab.build.run_directory import lock_run_directory  # noqa: E402
from gluonlab.cli.main import end_with  # noqa: E402
from gluonlab.config import load_config  # noqa: E402
from gluonlab.runtime.leaving import leave  # noqa: E402

way, run_dir, *recipe = sys.argv[1:]
config = load_config(Path(recipe[0]), recipe[1:])
if world.rank == 0:
    lock_run_directory(Path(run_dir))
run = build_run(config, Path(run_dir), world)
if world.rank == 1:
    schedule, state = run.schedule, run.state
    if way == "learning rate":
        run.schedule = lambda step: schedule(step) * (1.001 if step >= 5 else 1)
    elif way == "momentum":
        state.optimizer.momentum = 0.8
    elif way == "weight":
        weight = next(iter(state.net.collect_params().values()))
        weight.set_data(weight.data() * 1.0001)
    elif way == "update count":
        state.optimizer.num_update = 7
    elif way == "parameters":
        state.net.extra = gluon.nn.Dense(1, in_units=1)
        state.net.extra.initialize()
    elif way == "seed":
        run.sampler = gl.Sampler(run.sampler.calendar, 1)
    elif way == "recipe":
        run.identity["recipe"]["epochs"] = 3
    elif way == "images":
        run.identity["data"]["train"]["parts"][5] = "00000000"
try:
    gl.fit(run)
except Exception as error:
    traceback.print_exc()
    leave(end_with(error))
world.shutdown()
