"""Models by name: finding an entry of the table, and making its net."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

from gluonlab.commands import gluonlab_command
from gluonlab.errors import ConfigError, Problem
from gluonlab.models.catalogue import MODELS
from gluonlab.models.entry import ModelEntry
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon
    from gluonlab.weights.which import Which

DEFAULT_OPTIONS = ModelOptions()


def list_models(pattern: str = "*") -> list[ModelEntry]:
    """The models whose names match the shell pattern, in the order of the table."""
    return [model for name, model in MODELS.items() if fnmatchcase(name, pattern)]


def entry(name: str) -> ModelEntry:
    """The model called ``name``; raises `ConfigError` CFG09, with what else may be meant.

    ``gluoncv:NAME`` is a network of GluonCV, which is not in the table; see `gluoncv_entry`.
    """
    if name in MODELS:
        return MODELS[name]
    if name.startswith("gluoncv:"):
        from gluonlab.models.gluoncv import gluoncv_entry

        return gluoncv_entry(name)
    nearest = _nearest(name)
    hint = (
        f"did you mean {', '.join(nearest)}?"
        if nearest
        else f"{gluonlab_command('models', 'list')} shows all"
    )
    raise ConfigError("CFG09", "model.name", f"unknown model {name!r}", hint)


def _nearest(name: str) -> list[str]:
    """The names that begin with ``name``, contain it, or are spelled alike, in this order; 5 at most."""
    begin = [known for known in MODELS if known.startswith(name)]
    contain = [known for known in MODELS if name in known]
    return list(dict.fromkeys(begin + contain + get_close_matches(name, MODELS, n=5)))[:5]


def create(
    name: str,
    *,
    classes: Optional[int] = None,
    pretrained: Union[str, Path, None] = None,
    weights: Optional[Which] = None,
    options: ModelOptions = DEFAULT_OPTIONS,
) -> gluon.HybridBlock:
    """The net called ``name``, with logits (N, classes); without ``classes``, the model's default.

    ``pretrained`` is what `load_weights` takes, or ``store:NAME`` (`weights.store`): the net comes back
    initialised on the CPU with its weights. Without it, it comes back with all shapes known, not initialised.
    ``weights``, "raw" or "average", says which are taken where there are both; without it the average is.
    Raises `ConfigError` CFG09 for an unknown name or impossible options, CFG30, CFG70 or CFG71 for
    options that the network has no place for, `CheckpointError` for weights that cannot be had, are
    damaged or do not fit.
    """
    model = entry(name)
    classes = model.classes if classes is None else classes
    _check(classes, options)
    net = model.build(classes, options)
    if options.zero_last_gamma:
        _check_zero_start(net, model)
    if options.stochastic_depth:
        _drop_branches(net, model, options.stochastic_depth)
    if pretrained is not None:
        from gluonlab.models.pretrained import load_weights
        from gluonlab.weights.store import find_weights

        path = find_weights(pretrained)
        for parameter in net.collect_params().values():
            parameter.initialize(init="zeros")  # drawing numbers that are then replaced takes seconds
        load_weights(net, path, model=name, which=weights)
    return net


def _check(classes: int, options: ModelOptions) -> None:
    channels = options.input_channels
    problems = []
    if classes < 1:
        problems.append(_problem("classes", classes, "at least 1"))
    if channels is not None and channels < 1:
        problems.append(_problem("input_channels", channels, "at least 1"))
    if options.image_size is not None and options.image_size < 1:
        problems.append(_problem("image_size", options.image_size, "at least 1"))
    if options.bn_momentum is not None and not 0 <= options.bn_momentum < 1:
        problems.append(_problem("bn_momentum", options.bn_momentum, "at least 0, less than 1"))
    if options.bn_epsilon is not None and not options.bn_epsilon > 0:
        problems.append(_problem("bn_epsilon", options.bn_epsilon, "more than 0"))
    for key in ("dropout", "stochastic_depth"):
        if not 0 <= (getattr(options, key) or 0) < 1:
            problems.append(_problem(key, getattr(options, key), "at least 0, less than 1"))
    if problems:
        raise ConfigError.from_problems(problems)


def _check_zero_start(net: gluon.HybridBlock, model: ModelEntry) -> None:
    """Refuse the option where no gamma or weight of the net has been made to start at zero."""
    names_and_starts = ((name, p.init) for name, p in net._collect_params_with_prefix().items())
    if not any(name.endswith(("gamma", "weight")) and init == "zeros" for name, init in names_and_starts):
        raise ConfigError(
            "CFG71",
            "model.zero_last_gamma",
            f"{model.name} has no residual branches that could start at zero",
        )


def _drop_branches(net: gluon.HybridBlock, model: ModelEntry, rate: float) -> None:
    from gluonlab.models.stochastic_depth import set_stochastic_depth

    if set_stochastic_depth(net, rate) == 0:
        raise ConfigError(
            "CFG30", "model.stochastic_depth", f"{model.name} has no residual branches to leave out"
        )


def _problem(key: str, value: float, allowed: str) -> Problem:
    return Problem("CFG09", f"model.{key}", f"{value} is out of range", f"must be {allowed}")
