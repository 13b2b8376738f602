"""Trains by each `on_divergence`, in folder argument 1; the rate is far too high for some updates, once."""

import json
import sys
from pathlib import Path

import gluonlab as gl

world = gl.join_world()

from gluonlab.build.run import build_run  # noqa: E402
from gluonlab.config import load_config  # noqa: E402
from gluonlab.errors import NumericError  # noqa: E402
from gluonlab.training.divergence import DivergedError  # noqa: E402

RECIPE = [
    "epochs=2", "schedule.warmup_epochs=1", "log_every=10", "eval_every=1", "checkpoint_every=7steps",
    "tensorboard=false", "ctx=cpu",
]  # fmt: skip


def train(name, *settings, factor=1.0):
    run_dir = Path(sys.argv[1]) / name
    run_dir.mkdir(exist_ok=True)
    run = build_run(load_config(Path("configs/digits.yaml"), [*RECIPE, *settings]), run_dir, world)
    schedule, is_over = run.schedule, False

    def rate(step):
        nonlocal is_over
        is_over = is_over or step == 39
        return schedule(step) * (factor if 31 <= step < 35 and not is_over else 1)

    run.schedule = rate
    found = {}
    try:
        summary = gl.fit(run)
        found = {key: summary[key] for key in ("divergence", "weights_sha256", "top1")}
    except NumericError as error:
        found = {"error": str(error), "is_diverged": isinstance(error, DivergedError)}
    names = sorted(path.name for path in (run_dir / "checkpoints").iterdir()) if world.rank == 0 else []
    result = run_dir.with_name(f"{name}-{world.rank}.json")
    result.write_text(json.dumps({**found, "checkpoints": names}))


train("undisturbed")
for on_divergence in ("warn", "rollback", "stop"):
    train(on_divergence, f"on_divergence={on_divergence}", factor=1000)
world.shutdown()
