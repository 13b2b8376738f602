"""Training steps in MXNet by others: a loop written by hand, and the loops of two projects' examples.

python -m benchmarks.speed.peers.mxnet_training SIDE MODEL BATCH SIZE CLASSES     (started by versus_peers.py)

All have the network of the zoo that gluonlab trains, and one batch that is on the device all the time.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable

from benchmarks.speed.peers.protocol import serve
from gluonlab.runtime import memory

Step = Callable[[], object]

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.001, 0.9, 1e-4


def main(side: str, model: str, batch: int, size: int, classes: int) -> None:
    os.environ["MXNET_CPU_TEMP_COPY"] = "4"  # MXNet's default, which gluonlab changes
    if side == "by_hand":
        os.environ["MXNET_OPTIMIZER_AGGREGATION_SIZE"] = "1"  # faster on a CPU than MXNet's default of 4
    else:
        memory.keep_freed_memory = lambda: None  # the examples have glibc as it is
    from gluonlab.bench.work import wait_for_device
    from gluonlab.runtime.mxnet import mx

    serve(SIDES[side](model, batch, size, classes), wait_for_device, {"mxnet": mx.__version__})


def network_and_batch(model: str, batch: int, size: int, classes: int) -> tuple[Any, Any, Any]:
    """The network, not yet hybridized, and images and labels."""
    from gluonlab import models
    from gluonlab.models.options import ModelOptions
    from gluonlab.runtime.mxnet import nd

    net = models.create(model, classes=classes, options=ModelOptions(input_channels=3))
    net.initialize()
    images = nd.random.normal(shape=(batch, 3, size, size))
    return net, images, nd.array([index % classes for index in range(batch)])


def by_hand(model: str, batch: int, size: int, classes: int) -> Step:
    """The least that trains, with the best settings known: static memory and shapes, one update a tensor."""
    from gluonlab.runtime.mxnet import autograd, gluon

    net, images, labels = network_and_batch(model, batch, size, classes)
    loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()
    for block in (net, loss_fn):
        block.hybridize(static_alloc=True, static_shape=True)
    settings = {"learning_rate": LEARNING_RATE, "momentum": MOMENTUM, "wd": WEIGHT_DECAY}
    trainer = gluon.Trainer(net.collect_params(), "sgd", settings, kvstore=None)

    def step() -> None:
        with autograd.record():
            loss = loss_fn(net(images), labels)
        loss.backward()
        trainer.step(batch)

    return step


def as_horovod_example(model: str, batch: int, size: int, classes: int) -> Step:
    """What Horovod's ImageNet example does in a step: its trainer, and MXNet's accuracy, which waits."""
    from gluonlab.parallel.horovod_world import HorovodWorld
    from gluonlab.runtime.mxnet import autograd, gluon, mx

    horovod = HorovodWorld()._hvd
    net, images, labels = network_and_batch(model, batch, size, classes)
    net.hybridize()
    schedule = mx.lr_scheduler.PolyScheduler(100_000, base_lr=LEARNING_RATE, pwr=2)
    optimizer = mx.optimizer.create("sgd", wd=WEIGHT_DECAY, momentum=MOMENTUM, lr_scheduler=schedule)
    trainer = horovod.DistributedTrainer(net.collect_params(), optimizer)
    loss_fn, metric = gluon.loss.SoftmaxCrossEntropyLoss(), mx.metric.Accuracy()

    def step() -> None:
        with autograd.record():
            output = net(images.astype("float32", copy=False))
            loss = loss_fn(output, labels)
        loss.backward()
        trainer.step(batch)
        metric.update([labels], [output])

    return step


def as_gluoncv_example(model: str, batch: int, size: int, classes: int) -> Step:
    """What GluonCV's CIFAR-10 script does in a step, hybridized: it reads the loss and the accuracy."""
    from gluonlab.runtime.mxnet import autograd, gluon, mx

    net, images, labels = network_and_batch(model, batch, size, classes)
    net.hybridize()
    settings = {"learning_rate": LEARNING_RATE, "momentum": MOMENTUM, "wd": WEIGHT_DECAY}
    trainer = gluon.Trainer(net.collect_params(), "nag", settings)
    loss_fn, metric = gluon.loss.SoftmaxCrossEntropyLoss(), mx.metric.Accuracy()
    devices = [mx.cpu()]

    def step() -> float:
        data = gluon.utils.split_and_load(images, ctx_list=devices, batch_axis=0)
        targets = gluon.utils.split_and_load(labels, ctx_list=devices, batch_axis=0)
        with autograd.record():
            outputs = [net(part) for part in data]
            losses = [loss_fn(output, target) for output, target in zip(outputs, targets)]
        for loss in losses:
            loss.backward()
        trainer.step(batch)
        total = sum(loss.sum().asscalar() for loss in losses)
        metric.update(targets, outputs)
        metric.get()
        return float(total)

    return step


SIDES: dict[str, Callable[[str, int, int, int], Step]] = {
    "by_hand": by_hand,
    "horovod_example": as_horovod_example,
    "gluoncv_example": as_gluoncv_example,
}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
