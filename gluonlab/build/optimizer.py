"""Configuration to the rule that updates the weights."""

from __future__ import annotations

from typing import Literal

from gluonlab.config.schema import Config
from gluonlab.config.update import Optimizer as OptimizerSection
from gluonlab.errors import ConfigError
from gluonlab.models.pretrained import head_of
from gluonlab.optim.adam import AdamW, NAdamW
from gluonlab.optim.base import Optimizer
from gluonlab.optim.lamb import LAMB
from gluonlab.optim.lars import LARS
from gluonlab.optim.momentum import NAG, SGD
from gluonlab.optim.muon import Muon
from gluonlab.optim.rmsprop_warmup import RMSpropWarmup
from gluonlab.optim.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from gluonlab.optim.shampoo import Shampoo
from gluonlab.optim.soap import SOAP
from gluonlab.runtime.mxnet import gluon


def build_optimizer(config: Config, net: gluon.Block) -> Optimizer:
    """The update rule of ``net``, whose shapes are known; the training loop sets its rate.

    Raises:
        ConfigError: CFG33 it has no weight that the rule is for.
    """
    section, lr = config.optimizer, config.schedule.base_lr
    if section.name == "muon":
        return _build_muon(section, lr, net)
    if section.name == "shampoo":
        return Shampoo(
            lr,
            section.momentum,
            section.weight_decay,
            beta2=section.beta2,
            damping=section.damping,
            precondition_every=section.precondition_every,
            max_side=section.max_side,
        )
    if section.name in ("sgd", "nag", "lars", "rmsprop_warmup"):
        return _build_momentum_optimizer(section, lr)
    return _build_adaptive_optimizer(section, lr)


def _build_adaptive_optimizer(section: OptimizerSection, lr: float) -> Optimizer:
    if section.name in ("adamw", "nadamw"):
        rule = NAdamW if section.name == "nadamw" else AdamW
        return rule(lr, section.weight_decay, beta1=section.beta1, beta2=section.beta2, eps=section.eps)
    if section.name == "soap":
        return SOAP(
            lr,
            section.weight_decay,
            beta1=section.beta1,
            beta2=section.beta2,
            eps=section.eps,
            precondition_every=section.precondition_every,
            max_side=section.max_side,
        )
    if section.name == "schedule_free_sgd":
        return ScheduleFreeSGD(lr, section.weight_decay, beta=section.beta1)
    if section.name == "schedule_free_adamw":
        return ScheduleFreeAdamW(
            lr, section.weight_decay, beta=section.beta1, beta2=section.beta2, eps=section.eps
        )
    return LAMB(
        lr,
        section.weight_decay,
        beta1=section.beta1,
        beta2=section.beta2,
        eps=section.eps,
        bias_correction=section.bias_correction,
        min_trust_ratio=section.min_trust_ratio,
        max_trust_ratio=section.max_trust_ratio,
        scale_norm=section.scale_norm_and_bias,
        scale_bias=section.scales_bias,
    )


def _build_momentum_optimizer(section: OptimizerSection, lr: float) -> Optimizer:
    common = (lr, section.momentum, section.weight_decay, section.momentum_correction)
    if section.name == "lars":
        return LARS(
            *common,
            trust_coefficient=section.trust_coefficient,
            trust_eps=section.trust_eps,
            max_trust_ratio=section.max_trust_ratio,
            larc_clip=section.larc_clip,
            scale_norm_and_bias=section.scale_norm_and_bias,
        )
    if section.name == "rmsprop_warmup":
        return RMSpropWarmup(*common, rmsprop_lr=section.rmsprop_lr, beta2=section.beta2, eps=section.eps)
    return NAG(*common) if section.name == "nag" else SGD(*common)


def _build_muon(section: OptimizerSection, lr: float, net: gluon.Block) -> Muon:
    rest, matrices = section.rest, names_of_matrices(net, section.matrices)
    if not matrices:
        what = f"the network has no trained weight that {section.matrices!r} means"
        raise ConfigError("CFG33", "optimizer.matrices", what, "choose another value, or another optimizer")
    rest_lr = rest.lr or lr
    others: Optimizer
    if rest.name == "adamw":
        others = AdamW(rest_lr, rest.weight_decay, beta1=rest.beta1, beta2=rest.beta2, eps=rest.eps)
    else:
        others = NAG(rest_lr, rest.momentum, rest.weight_decay)
    return Muon(
        lr,
        section.momentum,
        section.weight_decay,
        others,
        rest_lr_ratio=rest_lr / lr,
        matrices=matrices,
        steps=section.newton_schulz_steps,
        shape_factor=section.shape_factor,
        normalizes=section.normalize_filters,
    )


def names_of_matrices(net: gluon.Block, which: Literal["hidden", "filters", "all"]) -> frozenset[str]:
    """Trained weights of ``net`` that are matrices of several rows and columns, or filters that make one.

    ``hidden`` leaves out the first of them and the classifier, ``filters`` dense layers. Filters of depthwise
    convolutions, whose outputs see one input each, are none.
    """
    parameters = net._collect_params_with_prefix()
    weights = {name: one for name, one in parameters.items() if len(one.shape) > 1}
    excluded = {next(iter(weights)), *head_of(net)} if which == "hidden" else set()
    return frozenset(
        one.name
        for name, one in weights.items()
        if name not in excluded
        and one.grad_req != "null"
        and min(one.shape[:2]) > 1
        and (which != "filters" or len(one.shape) > 2)
    )
