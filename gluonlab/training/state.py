"""What training changes, to and from the arrays of a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Net, parameters_of, trained_parameters_of
from gluonlab.checkpoint.tensors import Tensors, check_tensors
from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.errors import CheckpointError
from gluonlab.optim.averaging import WeightAverage
from gluonlab.optim.base import MOMENTUM, Optimizer
from gluonlab.optim.clipping import GradientClip
from gluonlab.optim.groups import GroupRates
from gluonlab.optim.lookahead import Lookahead
from gluonlab.optim.loss_scaling import LossScaler
from gluonlab.optim.trainer import Trainer
from gluonlab.runtime.mxnet import gluon
from gluonlab.schedules import Schedule
from gluonlab.training.last_update import LastUpdate
from gluonlab.training.network import GluonNetwork, Network


@dataclass
class TrainState:
    """What an update changes; ``step`` counts finished updates.

    ``net`` is initialised with known shapes, and ``trainer`` was made by `make_trainer`. ``clip`` acts on
    the gradient before the update; ``loss_scaler`` is for networks that compute in float16. ``sgd_share``
    is for `RMSpropWarmup` only: the share of SGD at each step. ``group_rates`` are of parameters that stop
    learning before the others, ``lookahead`` has weights that those of ``net`` return to. With
    ``sums_losses`` the gradient is not divided by the batch. ``average`` follows the weights, and is what a
    run evaluates if there is one. ``last_update`` tells of it while the next one hangs. ``network`` computes
    ``net``: MXNet, unless somebody sets another.
    """

    net: gluon.Block
    trainer: Trainer
    step: int = 0
    clip: Optional[GradientClip] = None
    loss_scaler: Optional[LossScaler] = None
    sgd_share: Optional[Schedule] = None
    group_rates: Optional[GroupRates] = None
    lookahead: Optional[Lookahead] = None
    sums_losses: bool = False
    average: Optional[WeightAverage] = None
    last_update: Optional[LastUpdate] = None
    network: Network = None  # type: ignore[assignment]  # until __post_init__

    def __post_init__(self) -> None:
        self.network = self.network or GluonNetwork(self.net)

    @property
    def optimizer(self) -> Optimizer:
        """The trainer's optimizer."""
        return self.trainer.optimizer

    @property
    def evaluates_average(self) -> bool:
        """Whether a run evaluates the average of the weights, not the last ones."""
        return self.average is not None and self.average.is_begun

    def weights_to_evaluate(self) -> AbstractContextManager[None]:
        """A context in which ``net`` computes with the weights that a run evaluates."""
        return self.average.in_place_of_weights() if self.average and self.average.is_begun else nullcontext()


def make_trainer(net: Net, optimizer: Optimizer) -> Trainer:
    """A trainer over the trained parameters of ``net``; the World reduces gradients."""
    return Trainer(list(trained_parameters_of(net).values()), optimizer)


def state_arrays(state: TrainState) -> Iterator[tuple[str, str, Any]]:
    """What a checkpoint holds: file, name and the array on its device.

    Parameters and running statistics have their structural names, momentum that of its parameter, any other
    array of the optimizer ``NAME.variance`` or ``NAME.master``, the float32 copy of a weight that is not
    float32. There are none of the optimizer before the first update.
    """
    parameters = state.network.parameters
    kept = state.average.kept if state.average else {}
    for name in sorted(parameters):
        yield "model", name, kept[name] if kept else parameters[name].data()
    of_optimizer = state.trainer.states
    for index, keys in enumerate(_optimizer_keys(state).values()):
        for key, array in zip(keys, of_optimizer.get(index, ())):
            yield "optimizer", key, array
    for file, followers in (("average", state.average), ("lookahead", state.lookahead)):
        for name, array in followers.averages.items() if followers else ():
            yield file, name, array


def checkpoint_tensors(state: TrainState) -> dict[str, Tensors]:
    """The arrays of a checkpoint, by file; waits for the device."""
    tensors: dict[str, Tensors] = {"model": {}, "optimizer": {}}
    for file, name, array in state_arrays(state):
        tensors.setdefault(file, {})[name] = libraries.of(array).to_numpy(array)
    return tensors


def checkpoint_state(state: TrainState) -> dict[str, Any]:
    """What a checkpoint needs beside arrays to be restored, as JSON data."""
    optimizer, scaler = state.optimizer, state.loss_scaler
    return {
        "step": state.step,
        "optimizer": {
            "name": type(optimizer).__name__.lower(),
            "applied_lr": optimizer.applied_lr,
            "num_update": optimizer.num_update,
            "numbers": optimizer.numbers(),
        },
        "loss_scaler": {"scale": scaler.scale, "finite_updates": scaler.finite_updates} if scaler else None,
        "average": state.average.counters() if state.average else {},
    }


def restore(
    state: TrainState,
    checkpoint: Checkpoint,
    *,
    other_network: bool = False,
    other_optimizer: bool = False,
    other_average: bool = False,
) -> None:
    """Put ``state`` back to where ``checkpoint`` was taken.

    ``other_network`` takes the tensors that fit and leaves the others as they are, ``other_optimizer``
    begins with a fresh optimizer, ``other_average`` with one of these weights; the first needs the others.

    Raises:
        CheckpointError: CKP06 other parameters, CKP07 another optimizer; nothing is changed then.
    """
    saved_optimizer = checkpoint.state["optimizer"]
    if not other_optimizer:
        _check_same_optimizer(state, checkpoint)
    parameters = state.network.parameters
    shapes = {name: parameter.shape for name, parameter in parameters.items()}
    weights = checkpoint.tensors("model")
    arrays = {} if other_optimizer else checkpoint.tensors("optimizer")
    if other_network:
        weights = {name: value for name, value in weights.items() if shapes.get(name) == value.shape}
    else:
        check_tensors(str(checkpoint.path), weights, shapes)
    if other_optimizer:
        saved_optimizer = {**saved_optimizer, "applied_lr": None, "numbers": {}}
    if arrays or saved_optimizer["applied_lr"] is not None:  # a loss scaler may have left all updates out
        check_tensors(str(checkpoint.path), arrays, _optimizer_shapes(state))
    averages = checkpoint.tensors("average") if state.average and not other_average else {}
    if averages:
        check_tensors(str(checkpoint.path / "average.safetensors"), averages, shapes)
    slow = _slow_weights(state, checkpoint) if not other_optimizer else {}
    for name, value in weights.items():
        array = parameters[name].data()
        libraries.of(array).fill(array, value)
    for follower, restored in ((state.average, averages), (state.lookahead, slow)):
        if follower and restored:
            follower.restore(restored, checkpoint.state.get("average"))
        elif follower:
            follower.restore_from_weights()
    _restore_optimizer(state, arrays)
    # Older checkpoints hold no number; none of their optimizers depends on it.
    num_update = saved_optimizer.get("num_update", checkpoint.step)
    state.optimizer.resume(num_update, saved_optimizer["applied_lr"], len(_optimizer_keys(state)))
    state.optimizer.restore_numbers(saved_optimizer.get("numbers", {}))
    _restore_loss_scaler(state, checkpoint)
    state.step = checkpoint.step


def _slow_weights(state: TrainState, checkpoint: Checkpoint) -> Tensors:
    """Those of Lookahead in ``checkpoint``; empty without Lookahead."""
    if state.lookahead is None:
        return {}
    slow = checkpoint.tensors("lookahead")
    shapes = {name: array.shape for name, array in state.lookahead.averages.items()}
    check_tensors(str(checkpoint.path / "lookahead.safetensors"), slow, shapes)
    return slow


def _restore_loss_scaler(state: TrainState, checkpoint: Checkpoint) -> None:
    saved = checkpoint.state.get("loss_scaler")
    if state.loss_scaler and saved:
        state.loss_scaler.scale, state.loss_scaler.finite_updates = saved["scale"], saved["finite_updates"]


def _check_same_optimizer(state: TrainState, checkpoint: Checkpoint) -> None:
    saved, configured = checkpoint.state["optimizer"]["name"], type(state.optimizer).__name__.lower()
    if saved != configured:
        raise CheckpointError(
            "CKP07", str(checkpoint.path), f"optimizer is {saved}, configured is {configured}"
        )


def _restore_optimizer(state: TrainState, arrays: Tensors) -> None:
    """Give the optimizer ``arrays`` by their names in a checkpoint, or none, as before its first update."""
    parameters, states = state.network.parameters, state.trainer.states
    for index, (name, keys) in enumerate(_optimizer_keys(state).items()):
        states.pop(index, None)
        if arrays:
            weight = parameters[name].data()
            make = libraries.of(weight).from_numpy
            states[index] = tuple(make(arrays[key], weight, str(arrays[key].dtype)) for key in keys)


def _optimizer_keys(state: TrainState) -> dict[str, Sequence[str]]:
    """How a checkpoint calls the optimizer's arrays, by trained parameter."""
    return {
        name: [_optimizer_key(name, array) for array in state.optimizer.state_names_of(parameter)]
        for name, parameter in trained_parameters_of(state.network).items()
    }


def _optimizer_shapes(state: TrainState) -> dict[str, tuple[int, ...]]:
    """The shapes of the optimizer's arrays by their names in a checkpoint."""
    return {
        _optimizer_key(name, array): shape
        for name, parameter in trained_parameters_of(state.network).items()
        for array, shape in state.optimizer.state_shapes_of(parameter).items()
    }


def _optimizer_key(name: str, array: str) -> str:
    return name if array == MOMENTUM else f"{name}.{array}"


def weights_sha256(net: Net) -> str:
    """SHA-256 over the little-endian float32 bytes of all parameters and running statistics.

    In the order of their structural names by code point; no names or shapes are hashed.
    """
    digest, parameters = hashlib.sha256(), parameters_of(net)
    for name in sorted(parameters):
        array = parameters[name].data()
        digest.update(np.ascontiguousarray(libraries.of(array).to_numpy(array), dtype="<f4").tobytes())
    return digest.hexdigest()
