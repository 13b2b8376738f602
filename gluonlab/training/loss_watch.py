"""Where a loss that is not finite came from: the step, the process, the samples, the parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Net, parameters_of
from gluonlab.errors import NumericError
from gluonlab.parallel.world import World
from gluonlab.training.finite_state import listed, names_not_finite

SampleIds = Callable[[int, int], Sequence[int]]
"""From (step, virtual worker) to the samples of its micro-batch."""


class LossWatch:
    """Keeps the losses since the last check, on the device, and reads them only when something is wrong."""

    def __init__(self, world: World, net: Net, sample_ids: SampleIds) -> None:
        self._world = world
        self._net = net
        self._sample_ids = sample_ids
        self._recent: list[tuple[int, int, Any]] = []

    def add(self, step: int, losses: Mapping[int, Any]) -> None:
        """Keep the losses (n,) of each virtual worker that this process played in update ``step``."""
        self._recent += [(step, worker, values) for worker, values in losses.items()]

    def clear(self) -> None:
        """Forget: they were all finite."""
        self._recent.clear()

    def explain(self, loss: float, step: int) -> NumericError:
        """What to raise for a mean ``loss`` that is not finite by ``step``; all processes must call this."""
        findings = [json.loads(text) for text in self._world.exchange(json.dumps(self._first_bad()))]
        self.clear()
        bad = [(finding, rank) for rank, finding in enumerate(findings) if finding]
        origin = ""
        if bad:
            first, rank = min(bad, key=lambda found: (found[0]["step"], found[0]["worker"]))
            step = first["step"] + 1  # finished updates, as in the log
            where = f"rank {rank} (virtual worker {first['worker']})"
            origin = f", first on {where} for samples {first['samples']}"
        return NumericError(
            "NUM01",
            f"step {step}",
            f"training loss is {loss}{origin}; {self._bad_parameters()}",
            "lower base_lr or lengthen the warm-up, or look at these samples",
        )

    def _first_bad(self) -> Optional[dict[str, Any]]:
        for step, worker, losses in self._recent:
            places = np.flatnonzero(~np.isfinite(libraries.of(losses).to_numpy(losses)))
            if len(places):
                ids = self._sample_ids(step, worker)
                return {
                    "step": step,
                    "worker": worker,
                    "samples": listed([int(ids[place]) for place in places]),
                }
        return None

    def _bad_parameters(self) -> str:
        parameters = parameters_of(self._net)
        names = names_not_finite({name: parameter.data() for name, parameter in parameters.items()})
        return f"parameters not finite by now: {listed(names)}" if names else "all parameters are finite"


def gradient_error(step: int, gradients: Mapping[str, Any]) -> NumericError:
    """What to raise for gradients, by name, that no loss scale makes finite in the update after ``step``."""
    return NumericError(
        "NUM03",
        f"step {step + 1}",
        f"the loss scale is at its floor and gradients are not finite: {listed(names_not_finite(gradients))}",
        "lower base_lr or lengthen the warm-up",
    )
