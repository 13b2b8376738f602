"""A model's name or a recipe to the configuration of a benchmark; MXNet is imported to build a run only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from gluonlab.config.load import check_config
from gluonlab.config.schema import Config
from gluonlab.config.tree import load_tree
from gluonlab.models import entry
from gluonlab.shipped import is_recipe

if TYPE_CHECKING:
    from gluonlab.parallel.world import World
    from gluonlab.training.run import Run

_ENDLESS_EPOCHS = 1e6
_SYNTHETIC_SAMPLES = 1_000_000


def benchmark_config(
    target: str,
    overrides: Sequence[str],
    *,
    processes: int,
    batch: Optional[int] = None,
    image_size: Optional[int] = None,
    precision: Optional[str] = None,
) -> Config:
    """The zoo's model ``target`` on a synthetic batch, or the recipe ``target``.

    Each process plays one virtual worker of ``batch`` images, by default the recipe's worker batch or 8;
    ``overrides`` come last and may change that.

    Raises:
        ConfigError: CFG09 unknown model, or any problem of the recipe.
    """
    if is_recipe(target):
        tree, origins = load_tree(Path(target))
    else:
        tree, origins = _synthetic_recipe(target), {}
    batch = batch or tree.get("worker_batch_size") or tree.get("global_batch_size") or 1
    settings = [
        f"worker_batch_size={batch}",
        f"global_batch_size={batch * processes}",
        f"epochs={_ENDLESS_EPOCHS:f}",
        "checkpoint_every=never",
        "phases=[]",  # what holds before the first of them
    ]
    settings += [f"data.image_size={image_size}"] if image_size else []
    settings += [f"precision={precision}"] if precision else []
    return check_config(tree, target, [*settings, *overrides], origins)


def _synthetic_recipe(name: str) -> dict[str, Any]:
    model = entry(name)
    channels, size, _ = model.input_shape
    return {
        "data": {
            "name": "synthetic",
            "classes": model.classes,
            "channels": channels,
            "image_size": size,
            "samples": _SYNTHETIC_SAMPLES,
            "mean": [0.0] * channels,
            "std": [1.0] * channels,
        },
        "model": {"name": name},
        "worker_batch_size": 8,
        "optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 1e-4},
        "schedule": {"name": "constant", "base_lr": 0.001, "scaling": "none"},
    }


def benchmark_run(config: Config, world: World, *, has_gradients: bool) -> Run:
    """The run of ``config``; nothing is written. Without gradients it takes no memory for them.

    Raises:
        ConfigError, DataError, SetupError: on all processes or on none.
    """
    from gluonlab.build.run import build_run

    run = build_run(config, Path("unused"), world)
    if not has_gradients:
        run.state.net.collect_params().setattr("grad_req", "null")
    return run


def multiply_adds(config: Config) -> int:
    """Those of one image's forward pass through the network of ``config``."""
    from gluonlab.build.network import build_network
    from gluonlab.models.inspection import count_multiply_adds

    data = config.data
    return count_multiply_adds(build_network(config), (data.channels, data.image_size, data.image_size))
