"""One process of a run of 80 updates, which are a second each by the clock that it goes by.

saves_by_clock.py RUN_DIR: a checkpoint every 10 s; from update 30 on, each takes the disk 25 s.
Prints the updates that have a checkpoint, those after which weights were compared, and what was told.
"""

import json
import sys
import time
from functools import partial
from pathlib import Path

from gluonlab.build.run import build_run
from gluonlab.config.load import load_config
from gluonlab.parallel.joining import join_world
from gluonlab.training import fit, saving

SETTINGS = ["model.name=small_resnet8", "data.image_size=8", "data.samples=2560", "epochs=1"]
SETTINGS += ["schedule.warmup_epochs=0.1", "keep_checkpoints=100", "check_weights_every=1000"]
SETTINGS += ["checkpoint_every=10s"]
STEPS, SLOW_FROM, UPDATES_PER_WRITE = 80, 30, 25


def main(run_dir: str) -> None:
    config = load_config(Path("configs/smoke.yaml"), SETTINGS)
    run = build_run(config, Path(run_dir), join_world())
    told, compared = [], []

    class Reporter:
        __enter__ = __exit__ = log = lambda *args, **values: None
        message = staticmethod(told.append)

    def slow_save(step, *more):
        while SLOW_FROM <= run.state.step < min(step + UPDATES_PER_WRITE, STEPS):
            time.sleep(0.001)
        return save(step, *more)

    def compare(*args):
        compared.append(run.state.step)
        check(*args)

    save, check = run.store.save, saving.check_same_weights
    run.store.save, saving.check_same_weights = slow_save, compare
    run.make_reporter = lambda step: Reporter()
    fit.Saver = partial(saving.Saver, clock=lambda: float(run.state.step))
    summary = fit.fit(run)
    assert summary["steps"] == STEPS
    said = {
        "rank": run.world.rank,
        "steps": run.store.steps(),
        "compared": sorted(set(compared)),
        "told": told,
    }
    print(json.dumps(said), flush=True)
    run.world.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
