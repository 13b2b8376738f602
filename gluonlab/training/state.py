"""What training changes, to and from the arrays of a checkpoint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from gluonlab.checkpoint.store import Checkpoint
from gluonlab.checkpoint.tensors import Tensors, check_tensors
from gluonlab.errors import CheckpointError
from gluonlab.optim.clipping import GradientClip
from gluonlab.optim.loss_scaling import LossScaler
from gluonlab.optim.momentum import MomentumOptimizer
from gluonlab.runtime.mxnet import gluon, nd

MASTER = ".master"


@dataclass
class TrainState:
    """What an update changes; ``step`` counts finished updates.

    ``net`` is initialised with known shapes, and ``trainer`` was made by `make_trainer`. ``clip`` acts on
    the gradient before the update; ``loss_scaler`` is for networks that compute in float16.
    """

    net: gluon.Block
    trainer: gluon.Trainer
    step: int = 0
    clip: Optional[GradientClip] = None
    loss_scaler: Optional[LossScaler] = None

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
    """The optimizer's buffers by the name of their parameter, and the float32 masters of weights that are
    not float32 as ``NAME.master``; empty before the first update.
    """
    arrays = state.trainer._updaters[0].states
    tensors: Tensors = {}
    for index, name in enumerate(_trained_parameters(state.net)):
        if index in arrays:
            tensors.update(zip((name, f"{name}{MASTER}"), (array.asnumpy() for array in arrays[index])))
    return tensors


def checkpoint_tensors(state: TrainState) -> dict[str, Tensors]:
    """The arrays of a checkpoint, by file; waits for the device."""
    return {"model": model_tensors(state.net), "optimizer": optimizer_tensors(state)}


def checkpoint_state(state: TrainState) -> dict[str, Any]:
    """What a checkpoint needs beside arrays to be restored, as JSON data."""
    optimizer, scaler = state.optimizer, state.loss_scaler
    return {
        "step": state.step,
        "optimizer": {"name": type(optimizer).__name__.lower(), "applied_lr": optimizer.applied_lr},
        "loss_scaler": {"scale": scaler.scale, "finite_updates": scaler.finite_updates} if scaler else None,
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
    if buffers or saved_optimizer["applied_lr"] is not None:  # a loss scaler may have left all updates out
        check_tensors(str(checkpoint.path), buffers, _optimizer_shapes(trained))
    for name, value in weights.items():
        parameters[name].set_data(nd.array(value, dtype=value.dtype))
    updater = state.trainer._updaters[0]
    for index, (name, parameter) in enumerate(trained.items()):
        updater.states.pop(index, None)
        if name in buffers:
            saved = [buffers[key] for key in (name, f"{name}{MASTER}") if key in buffers]
            ctx = parameter.list_ctx()[0]
            updater.states[index] = tuple(nd.array(value, ctx, value.dtype) for value in saved)
            updater.states_synced[index] = True
    state.optimizer.resume(checkpoint.step, saved_optimizer["applied_lr"], len(trained))
    if state.loss_scaler and checkpoint.state.get("loss_scaler"):
        state.loss_scaler.scale = checkpoint.state["loss_scaler"]["scale"]
        state.loss_scaler.finite_updates = checkpoint.state["loss_scaler"]["finite_updates"]
    state.step = checkpoint.step


def _optimizer_shapes(trained: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """What `optimizer_tensors` holds after an update."""
    shapes = {name: parameter.shape for name, parameter in trained.items()}
    masters = {
        f"{name}{MASTER}": parameter.shape
        for name, parameter in trained.items()
        if np.dtype(parameter.dtype) != np.float32
    }
    return {**shapes, **masters}


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
