"""Proof that all processes hold the same weights and the same optimizer state, to the bit."""

from __future__ import annotations

import json
import zlib

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.errors import DivergenceError
from gluonlab.parallel.world import World
from gluonlab.training.state import TrainState, checkpoint_state, state_arrays


def check_same_weights(state: TrainState, world: World) -> None:
    """Compare checksums of all arrays and counters over all processes, which must call this together.

    Raises:
        DivergenceError: on all processes; DIV01 names the first parameter and the first process that
            differs from rank 0, DIV02 the first array or counter of the optimizer.
    """
    if world.size == 1:
        return
    mine = state_checksums(state)
    whole = f"{zlib.crc32(json.dumps(mine).encode()):08x}"
    if len(set(world.exchange(whole))) == 1:
        return
    of_ranks = [json.loads(text) for text in world.exchange(json.dumps(mine))]
    for name in of_ranks[0]:
        for rank, theirs in enumerate(of_ranks):
            if theirs.get(name) != of_ranks[0][name]:
                _raise_difference(state.step, name, rank, theirs.get(name), of_ranks[0][name])
    raise DivergenceError("DIV03", f"step {state.step}", "processes hold different arrays")


def check_same_parameters(state: TrainState, world: World) -> None:
    """Refuse networks whose parameters differ between processes in name, order, shape or type.

    Raises:
        DivergenceError: DIV03, naming the first that differs.
    """
    parameters = state.network.parameters
    mine = [[name, list(one.shape), str(np.dtype(one.dtype))] for name, one in parameters.items()]
    lists = [json.loads(text) for text in world.exchange(json.dumps(mine))]
    for rank, theirs in enumerate(lists):
        for place, (first, other) in enumerate(zip(lists[0], theirs)):
            if first != other:
                raise DivergenceError(
                    "DIV03", f"rank {rank}", f"parameter {place} is {other}, on rank 0 it is {first}"
                )
        if len(theirs) != len(lists[0]):
            raise DivergenceError(
                "DIV03", f"rank {rank}", f"has {len(theirs)} parameters, rank 0 has {len(lists[0])}"
            )


def state_checksums(state: TrainState) -> dict[str, str]:
    """By file and name, as in a checkpoint, the model first."""
    sums = {
        f"{file}/{name}": f"{zlib.crc32(libraries.of(array).to_numpy(array).data):08x}"
        for file, name, array in state_arrays(state)  # one copy at a time
    }
    counters = checkpoint_state(state)
    flat = {**counters["optimizer"], **(counters["loss_scaler"] or {}), "step": counters["step"]}
    return {**sums, **{f"counter/{name}": repr(value) for name, value in flat.items()}}


def _raise_difference(step: int, name: str, rank: int, theirs: object, rank_0: object) -> None:
    file, _, key = name.partition("/")
    code, what = ("DIV01", "") if file == "model" else ("DIV02", f"{file} ")
    raise DivergenceError(
        code,
        f"step {step}",
        f"{what}{key} differs: rank {rank} has {theirs}, rank 0 has {rank_0}",
        "the same command goes back to the last checkpoint, where all were equal",
    )
