"""gluonlab: large-batch distributed training, benchmarks and a model zoo on MXNet Gluon.

The names in ``__all__`` are public; the rest may change. They are imported when first used, so that
``import gluonlab`` takes no time.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0.dev0"

_PUBLIC = {
    "AdamW": "gluonlab.optim.adam",
    "ArrayLoader": "gluonlab.data.array_loader",
    "ArraySource": "gluonlab.data.source",
    "BinaryCrossEntropy": "gluonlab.losses.blocks",
    "Classification": "gluonlab.task",
    "CheckpointStore": "gluonlab.checkpoint.store",
    "Epochs": "gluonlab.epochs",
    "ExponentialMovingAverage": "gluonlab.optim.averaging",
    "GradientClip": "gluonlab.optim.clipping",
    "LAMB": "gluonlab.optim.lamb",
    "LARS": "gluonlab.optim.lars",
    "LossScaler": "gluonlab.optim.loss_scaling",
    "LossTask": "gluonlab.task",
    "LossWatch": "gluonlab.training.loss_watch",
    "Metrics": "gluonlab.metrics",
    "Mixing": "gluonlab.data.mixing",
    "MixingLoader": "gluonlab.data.mixing",
    "Muon": "gluonlab.optim.muon",
    "NAG": "gluonlab.optim.momentum",
    "NAdamW": "gluonlab.optim.adam",
    "RMSpropWarmup": "gluonlab.optim.rmsprop_warmup",
    "Reporter": "gluonlab.reporting.reporter",
    "Run": "gluonlab.training.run",
    "SGD": "gluonlab.optim.momentum",
    "SOAP": "gluonlab.optim.soap",
    "Sampler": "gluonlab.data.sampler",
    "Shampoo": "gluonlab.optim.shampoo",
    "SmoothedCrossEntropy": "gluonlab.losses.blocks",
    "ScheduleFreeAdamW": "gluonlab.optim.schedule_free",
    "ScheduleFreeAverage": "gluonlab.optim.schedule_free",
    "ScheduleFreeSGD": "gluonlab.optim.schedule_free",
    "SourceLoader": "gluonlab.data.loader",
    "StochasticWeightAverage": "gluonlab.optim.averaging",
    "TrainState": "gluonlab.training.state",
    "Validation": "gluonlab.training.run",
    "VirtualWorkers": "gluonlab.parallel.virtual_workers",
    "World": "gluonlab.parallel.world",
    "checkpoint_state": "gluonlab.training.state",
    "checkpoint_tensors": "gluonlab.training.state",
    "evaluate": "gluonlab.training.loop",
    "evaluate_run": "gluonlab.build.recipes",
    "evaluation_requests": "gluonlab.data.sampler",
    "exempt_norm_and_bias": "gluonlab.optim.decay",
    "fit": "gluonlab.training.fit",
    "join_world": "gluonlab.parallel.joining",
    "read_runs": "gluonlab.reporting.notebook",
    "load_recipe": "gluonlab.build.recipes",
    "make_trainer": "gluonlab.training.state",
    "restore": "gluonlab.training.state",
    "train": "gluonlab.build.recipes",
    "train_step": "gluonlab.training.loop",
    "train_steps": "gluonlab.training.loop",
}

__all__ = ["__version__", "models", "schedules", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in ("models", "schedules"):
        return importlib.import_module(f"gluonlab.{name}")
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'gluonlab' has no attribute {name!r}")
