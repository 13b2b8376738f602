"""Groups of parameters: which they are, and what their rates and decays are multiplied by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Parameter
from gluonlab.errors import ConfigError, Problem
from gluonlab.models.depth import layers_of
from gluonlab.models.pretrained import head_of
from gluonlab.optim.base import MOMENTUM, Optimizer
from gluonlab.optim.decay import is_bias
from gluonlab.optim.sections.groups import GroupSection
from gluonlab.runtime.mxnet import gluon
from gluonlab.schedules import Schedule


def apply_groups(net: gluon.Block, groups: Sequence[GroupSection]) -> None:
    """Multiply rate and decay of the trained parameters of ``net``, which knows what decays at all.

    Raises:
        ConfigError: CFG34 for each group that matches nothing, overlaps another one, or changes the decay
            of parameters that do not decay.
    """
    parameters = net._collect_params_with_prefix()
    owners: dict[str, int] = {}
    problems = []
    for number, group in enumerate(groups):
        members, key = members_of(net, group.match), f"optimizer.groups.{number}"
        shared = [name for name in members if name in owners]
        if not members:
            names = ", ".join(list(parameters)[:3])
            what = f"{group.match!r} matches no trained parameter"
            problems.append(Problem("CFG34", f"{key}.match", what, f"names are like {names}"))
        elif shared:
            what = f"{shared[0]} is in optimizer.groups.{owners[shared[0]]} as well"
            problems.append(Problem("CFG34", f"{key}.match", what, "each parameter is in one group at most"))
        elif group.weight_decay != 1 and not any(parameters[name].wd_mult for name in members):
            what = "its parameters do not decay"
            hint = "set decay_norm_and_bias or decay_bias, or leave it out"
            problems.append(Problem("CFG34", f"{key}.weight_decay", what, hint))
        owners.update(dict.fromkeys(members, number))
    if problems:
        raise ConfigError.from_problems(problems)
    for name, number in owners.items():
        parameters[name].lr_mult *= groups[number].lr
        parameters[name].wd_mult *= groups[number].weight_decay


def apply_layer_decay(net: gluon.Block, decay: float) -> None:
    """Multiply the rate of each parameter of ``net`` by ``decay**n``, n layers before the last.

    Raises:
        ConfigError: CFG34 the network has no residual blocks, which are the layers.
    """
    layers = layers_of(net)
    if not layers:
        what = "the network has no residual blocks to count its layers by"
        raise ConfigError("CFG34", "optimizer.layer_decay", what, "use optimizer.groups")
    for name, parameter in net._collect_params_with_prefix().items():
        parameter.lr_mult *= decay ** (max(layers.values()) - layers[name])


def members_of(net: gluon.Block, match: str) -> list[str]:
    """The names of the trained parameters of ``net`` that `GroupSection.match` means."""
    trained = [name for name, one in net._collect_params_with_prefix().items() if one.grad_req != "null"]
    if match == "biases":
        return [name for name in trained if is_bias(name)]
    if match == "norms":
        return [name for name in trained if name.endswith(("gamma", "beta"))]
    if match == "head":
        head = head_of(net)
        return [name for name in trained if name in head]
    return [name for name in trained if fnmatchcase(name, match)]


@dataclass(frozen=True)
class EarlyEnd:
    """Parameters that go through ``schedule``, of ``total_steps``, in ``end_step`` steps and then stay."""

    parameters: Sequence[Parameter]
    end_step: int
    total_steps: int
    schedule: Schedule

    def share(self, step: int) -> float:
        """Their rate at ``step``, as a part of that of all."""
        rate = self.schedule(step)
        if step >= self.end_step or not rate:
            return 0.0
        return self.schedule(step * self.total_steps // self.end_step) / rate


class GroupRates:
    """Sets the rates of groups that end early; a function of the step, so that there is nothing to resume."""

    def __init__(self, optimizer: Optimizer, states: Any, ends: Sequence[EarlyEnd]) -> None:
        """``states`` are the arrays of ``optimizer`` by index, which knows the parameters by index, too."""
        self._optimizer, self._states, self._ends = optimizer, states, ends
        self._multiples = {one.name: one.lr_mult for end in ends for one in end.parameters}

    def before_update(self, step: int) -> None:
        """Set the rates of update ``step``, and bring momentum into their unit."""
        indices = {parameter.name: index for index, parameter in self._optimizer.param_dict.items()}
        for end in self._ends:
            share, before = end.share(step), end.share(step - 1) if step else 0.0
            for parameter in end.parameters:
                parameter.lr_mult = self._multiples[parameter.name] * share
                state = self._states.get(indices[parameter.name])
                if (
                    state is None
                    or not before
                    or share == before
                    or not self._optimizer.has_rate_in_momentum(parameter)
                ):
                    continue
                momentum = dict(zip(self._optimizer.state_names_of(parameter), state))[MOMENTUM]
                libraries.of(momentum).scaled([momentum], share / before, out=[momentum])
