"""What the self-test runs: a small training, and a sum over processes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from gluonlab import models
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.launch import launch
from gluonlab.losses.blocks import SmoothedCrossEntropy
from gluonlab.metrics import Metrics
from gluonlab.optim.momentum import NAG
from gluonlab.parallel.joining import join_world
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import mx, nd
from gluonlab.task import Classification
from gluonlab.training.loop import train_step
from gluonlab.training.state import (
    TrainState,
    checkpoint_state,
    checkpoint_tensors,
    make_trainer,
    restore,
    weights_sha256,
)


def train_and_restore(folder: Path) -> dict[str, Any]:
    """An update, a checkpoint in ``folder``, another update, and back to the checkpoint.

    Raises:
        RuntimeError: the loss is not finite, or the weights that came back are not those that were kept.
    """
    ctx = mx.gpu(0) if mx.context.num_gpus() else mx.cpu()
    net = models.create("cifar_resnet20", classes=10)
    net.initialize(ctx=ctx)
    state = TrainState(net, make_trainer(net, NAG(0.1, 0.9, 1e-4)))
    workers = VirtualWorkers(net, SingleProcess(), global_batch_size=8, worker_batch_size=4)
    task = Classification(SmoothedCrossEntropy())
    metrics = Metrics(SingleProcess(), ctx, task)
    images = np.random.RandomState(0).standard_normal((4, 3, 32, 32))
    batch = nd.array(images, ctx, dtype="float32"), nd.array([0, 1, 2, 3], ctx)

    def update() -> None:
        train_step(state, iter([batch] * 2), task, lambda step: 0.1, workers, metrics)

    start = time.monotonic()
    update()
    loss = metrics.compute()["loss"]
    seconds = time.monotonic() - start
    if not np.isfinite(loss):
        raise RuntimeError(f"the loss of the first update is {loss}")
    store, kept = CheckpointStore(folder), weights_sha256(net)
    store.save(state.step, checkpoint_tensors(state), checkpoint_state(state))
    update()
    restore(state, store.load(1))
    if weights_sha256(net) != kept:
        raise RuntimeError("the weights that a checkpoint gave back are not those that it was given")
    return {"loss": loss, "seconds": seconds, "device": str(ctx)}


def launch_sum(backend: Any) -> dict[str, float]:
    """Have two processes run `add_up`."""
    start = time.monotonic()
    launch([sys.executable, "-m", "gluonlab.doctor.probes", "add_up"], 2, backend)
    return {"seconds": time.monotonic() - start}


def add_up() -> dict[str, int]:
    """A sum over all processes of this job.

    Raises:
        RuntimeError: it is not the right one.
    """
    world = join_world()
    array = nd.full((1000,), world.rank + 1)
    world.sum([array], "doctor")
    expected = world.size * (world.size + 1) / 2
    if (array.asnumpy() != expected).any():
        raise RuntimeError(f"the sum over {world.size} processes is wrong")
    size = world.size
    world.shutdown()
    return {"size": size}
