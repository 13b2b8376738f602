"""Which values the next run takes: a grid, random points, or what TPE makes of the runs before."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gluonlab.commands import pip_command
from gluonlab.data.randomness import uniforms
from gluonlab.errors import SetupError
from gluonlab.sweep.axes import Axis
from gluonlab.sweep.record import DIVERGED, FAILED, FINISHED, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SamplerName = Literal["grid", "random", "tpe"]
Values = dict[str, str]


def grid_points(axes: Sequence[Axis]) -> list[Values]:
    """Each value of each axis with each of the others; the last axis changes fastest."""
    return [
        dict(zip([axis.key for axis in axes], values))
        for values in itertools.product(*(axis.grid() for axis in axes))
    ]


def num_grid_points(axes: Sequence[Axis]) -> int:
    """How many `grid_points` there are."""
    return math.prod(len(axis.grid()) for axis in axes)


def random_point(axes: Sequence[Axis], seed: int, number: int) -> Values:
    """Point ``number`` of those that ``seed`` means, whatever came before it."""
    shares = uniforms(seed, np.array([number]), np.array([0]), len(axes))[0]
    return {axis.key: axis.at(share) for axis, share in zip(axes, shares.tolist())}


def tpe_point(axes: Sequence[Axis], seed: int, trials: Sequence[Trial]) -> Values:
    """The next point by the tree-structured Parzen estimator (Bergstra et al. 2011), as Optuna has it.

    A function of ``seed`` and ``trials``: the study is made anew of them each time. Runs that diverged count
    as a top-1 of 0; runs under way keep others from their place.

    Raises:
        SetupError: ENV80 without Optuna.
    """
    optuna = load_optuna()
    distributions = {axis.key: _distribution(axis) for axis in axes}
    sampler = optuna.samplers.TPESampler(seed=seed + len(trials), constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in trials:
        if trial.state == FAILED:
            continue
        is_told = trial.state in (FINISHED, DIVERGED)
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.COMPLETE if is_told else optuna.trial.TrialState.RUNNING,
                params={axis.key: _as_parameter(axis, trial.values[axis.key]) for axis in axes},
                distributions=distributions,
                value=(trial.top1 or 0.0) if is_told else None,
            )
        )
    params = study.ask(distributions).params
    return {axis.key: params[axis.key] if axis.choices else axis.text(params[axis.key]) for axis in axes}


def load_optuna() -> Any:
    """Optuna, silent but for errors; SetupError ENV80 if it is not installed."""
    try:
        import optuna
    except ImportError:
        hint = pip_command("install", "gluonlab[sweep]")
        raise SetupError("ENV80", "--sampler tpe", "needs Optuna, which is not installed", hint) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _distribution(axis: Axis) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if axis.choices:
        return CategoricalDistribution(axis.choices)
    if axis.is_whole:
        return IntDistribution(int(axis.low), int(axis.high))
    return FloatDistribution(axis.low, axis.high, log=axis.is_log)


def _as_parameter(axis: Axis, text: str) -> Any:
    if axis.choices:
        return text
    return int(text) if axis.is_whole else float(text)
