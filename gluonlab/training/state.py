"""What training changes, to and from the arrays of a checkpoint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluonlab.checkpoint.store import Checkpoint
from gluonlab.checkpoint.tensors import Tensors, check_tensors
from gluonlab.errors import CheckpointError
from gluonlab.optim.momentum import MomentumOptimizer
from gluonlab.runtime.mxnet import gluon, nd


@dataclass
class TrainState:
    """What an update changes; ``step`` counts finished updates.

    ``net`` is initialised with known shapes, and ``trainer`` was made by `make_trainer`.
    """

    net: gluon.Block
    trainer: gluon.Trainer
    step: int = 0

    @property
    def optimizer(self) -> MomentumOptimizer:
        """The trainer's optimizer."""
        optimizer: MomentumOptimizer = self.trainer.optimizer
        return optimizer


def make_trainer(net: gluon.Block, optimizer: MomentumOptimizer) -> gluon.Trainer:
    """A trainer over the trained parameters of ``net``; the World reduces gradients, not a kvstore."""
    return gluon.Trainer(list(_trained_parameters(net).values()), optimizer, kvstore=None)


def model_tensors(net: gluon.Block) -> Tensors:
    """Parameters and running statistics by structural name; waits for the device."""
    parameters = net._collect_params_with_prefix()
    return {name: parameters[name].data().asnumpy() for name in sorted(parameters)}


def optimizer_tensors(state: TrainState) -> Tensors:
    """The optimizer's buffers by the name of their parameter; empty before the first update."""
    buffers = state.trainer._updaters[0].states
    names = _trained_parameters(state.net)
    return {name: buffers[index].asnumpy() for index, name in enumerate(names) if index in buffers}


def checkpoint_tensors(state: TrainState) -> dict[str, Tensors]:
    """The arrays of a checkpoint, by file; waits for the device."""
    return {"model": model_tensors(state.net), "optimizer": optimizer_tensors(state)}


def checkpoint_state(state: TrainState) -> dict[str, Any]:
    """What a checkpoint needs beside arrays to be restored, as JSON data."""
    optimizer = state.optimizer
    return {
        "step": state.step,
        "optimizer": {"name": type(optimizer).__name__.lower(), "applied_lr": optimizer.applied_lr},
    }


def restore(state: TrainState, checkpoint: Checkpoint) -> None:
    """Put ``state`` back to where ``checkpoint`` was taken.

    Raises:
        CheckpointError: CKP06 other parameters, CKP07 another optimizer; nothing is changed then.
    """
    saved_optimizer, configured = checkpoint.state["optimizer"], type(state.optimizer).__name__.lower()
    if saved_optimizer["name"] != configured:
        raise CheckpointError(
            "CKP07",
            str(checkpoint.path),
            f"optimizer is {saved_optimizer['name']}, configured is {configured}",
        )
    parameters = state.net._collect_params_with_prefix()
    trained = _trained_parameters(state.net)
    weights, buffers = checkpoint.tensors("model"), checkpoint.tensors("optimizer")
    check_tensors(str(checkpoint.path), weights, {name: p.shape for name, p in parameters.items()})
    if buffers or checkpoint.step > 0:
        check_tensors(str(checkpoint.path), buffers, {name: p.shape for name, p in trained.items()})
    for name, value in weights.items():
        parameters[name].set_data(nd.array(value, dtype=value.dtype))
    updater = state.trainer._updaters[0]
    for index, (name, parameter) in enumerate(trained.items()):
        if name in buffers:
            updater.states[index] = nd.array(
                buffers[name], ctx=parameter.list_ctx()[0], dtype=buffers[name].dtype
            )
            updater.states_synced[index] = True
        else:
            updater.states.pop(index, None)
    state.optimizer.resume(checkpoint.step, saved_optimizer["applied_lr"], len(trained))
    state.step = checkpoint.step


def weights_sha256(net: gluon.Block) -> str:
    """SHA-256 over the little-endian float32 bytes of all parameters and running statistics.

    In the order of their structural names by code point; no names or shapes are hashed.
    """
    digest = hashlib.sha256()
    for array in model_tensors(net).values():
        digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return digest.hexdigest()


def _trained_parameters(net: gluon.Block) -> dict[str, Any]:
    """By structural name, sorted, so that an index means the same parameter on every process."""
    parameters = net._collect_params_with_prefix()
    return {name: parameters[name] for name in sorted(parameters) if parameters[name].grad_req != "null"}
