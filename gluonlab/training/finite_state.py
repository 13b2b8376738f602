"""Numbers in the state that are not finite; a ReLU makes 0 of NaN, so that the loss need not show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.errors import NumericError
from gluonlab.optim.norms import SquaredNorms
from gluonlab.training.state import TrainState, state_arrays

NAMED = 8
"""How many samples or arrays a message names."""


def check_finite_state(state: TrainState) -> None:
    """Look at all that a checkpoint holds; waits for the device once.

    Raises:
        NumericError: NUM04, naming the first array in the order of the network; on all processes alike, where
            they hold the same.
    """
    arrays = {
        name if file == "model" else f"{file} {name}": array for file, name, array in state_arrays(state)
    }
    bad = names_not_finite(arrays)
    if not bad:
        return
    places = {name: place for place, name in enumerate(state.network.parameters)}
    bad.sort(key=lambda name: places.get(name, len(places)))
    others = f", the first of {len(bad)} such arrays of {len(arrays)}" if len(bad) > 1 else ""
    raise NumericError(
        "NUM04",
        f"step {state.step}",
        f"{bad[0]} is not finite{others}",
        "lower base_lr or lengthen the warm-up, or look at the images",
    )


def names_not_finite(arrays: Mapping[str, Any]) -> list[str]:
    """The names of those that hold NaN or infinity. Waits for the device once, more if there are any."""
    library = libraries.of(next(iter(arrays.values())))
    norms = library.to_numpy(SquaredNorms()(list(arrays.values())))
    # A square may overflow where the number did not.
    suspects = (name for name, norm in zip(arrays, norms) if not np.isfinite(norm))
    return [name for name in suspects if not np.isfinite(library.to_numpy(arrays[name])).all()]


def listed(things: Sequence[Any]) -> str:
    """The first `NAMED` of ``things``, and how many more there are."""
    rest = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return ", ".join(map(str, things[:NAMED])) + rest
