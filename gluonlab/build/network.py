"""Configuration to network and loss, and with an optimizer to what an update changes."""

from __future__ import annotations

import logging
from typing import Optional

from gluonlab import models
from gluonlab.arrays.parameters import Net
from gluonlab.build.device import MXNET, TORCH, Device
from gluonlab.build.starts import apply_starts
from gluonlab.config.schema import Config
from gluonlab.data.source import Source
from gluonlab.epochs import Epochs
from gluonlab.errors import ConfigError, Problem
from gluonlab.losses.distillation import DistillationSection
from gluonlab.models.freezing import freeze_features
from gluonlab.models.inspection import sizes_refused_by
from gluonlab.models.lower_precision import compute_in_lower_precision
from gluonlab.models.norm_and_relu import join_norm_and_relu
from gluonlab.models.options import ModelOptions
from gluonlab.models.pretrained import load_weights
from gluonlab.models.starts import scale_logits
from gluonlab.models.two_heads import TwoHeaded
from gluonlab.optim.averaging import WeightAverage
from gluonlab.optim.base import Optimizer
from gluonlab.optim.clipping import GradientClip
from gluonlab.optim.decay import exempt_norm_and_bias
from gluonlab.optim.groups import EarlyEnd, GroupRates, apply_groups, apply_layer_decay, members_of
from gluonlab.optim.lookahead import Lookahead
from gluonlab.optim.loss_scaling import LossScaler
from gluonlab.optim.schedule_free import ScheduleFree, ScheduleFreeAverage
from gluonlab.parallel.world import World
from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.schedules import Schedule
from gluonlab.torch_engine import check_compiler
from gluonlab.training.network import GluonNetwork, Network
from gluonlab.training.state import TrainState, make_trainer
from gluonlab.weights.model_folder import FACTS_FILE, read_facts
from gluonlab.weights.store import find_weights

_log = logging.getLogger(__name__)


def build_network(config: Config) -> gluon.HybridBlock:
    """The network, without values yet.

    Raises:
        ConfigError: CFG31 for each size of images that it cannot take.
    """
    model = config.model
    options = ModelOptions(
        zero_last_gamma=model.zero_last_gamma,
        bn_momentum=model.bn_momentum,
        input_channels=config.data.channels,
        dropout=model.dropout,
        stochastic_depth=model.stochastic_depth,
        image_size=config.data.image_size,
    )
    net = models.create(model.name, classes=config.data.classes, options=options)
    if isinstance(net, TwoHeaded):
        net.learns_apart = isinstance(config.loss, DistillationSection)
    if model.logit_scale != 1:
        scale_logits(net, model.logit_scale, model.name)
    _check_image_sizes(config, net)
    return net


def _check_image_sizes(config: Config, net: gluon.HybridBlock) -> None:
    keys: dict[str, Optional[int]] = {
        "data.val_image_size": config.data.val_size,
        "data.image_size": config.data.image_size,
    }
    keys.update({f"phases.{n}.data.image_size": p.data.image_size for n, p in enumerate(config.phases)})
    problems = []
    for size in sizes_refused_by(net, config.data.channels, {size for size in keys.values() if size}):
        what = f"{config.model.name} cannot take images of {size} x {size}"
        problems += [Problem("CFG31", key, what) for key, given in keys.items() if given == size]
    if problems:
        raise ConfigError.from_problems(problems)


def build_state(config: Config, world: World, device: Device, images: Optional[Source] = None) -> TrainState:
    """The network with the same initial values on all processes, and its trainer.

    Raises:
        ConfigError: CFG81 the network is not one for ``device``'s engine, CFG33 it has no weight that the
            optimizer is for, CFG34 a group of parameters is none; on all processes.
    """
    mx.random.seed(config.seed)
    net = build_network(config)
    net.initialize(ctx=device.ctx if device.engine == MXNET else mx.cpu())
    model = config.model
    if model.pretrained:
        _start_from(config, net, world)
    apply_starts(config, net, images)
    if model.freeze == "features":
        freeze_features(net)
    exempt_norm_and_bias(
        net, norm=not config.optimizer.decay_norm_and_bias, bias=not config.optimizer.decays_bias
    )
    apply_groups(net, config.optimizer.groups)
    if config.optimizer.layer_decay is not None:
        apply_layer_decay(net, config.optimizer.layer_decay)
    network = _network(config, net, device)
    world.broadcast([parameter.data() for _, parameter in sorted(network.parameters.items())])
    optimizer = config.optimizer.build(config.schedule.base_lr, net)
    return TrainState(
        net,
        make_trainer(network, optimizer),
        clip=build_clip(config),
        loss_scaler=LossScaler() if config.precision == "float16" else None,
        average=build_average(config, network, optimizer),
        network=network,
    )


def _network(config: Config, net: gluon.HybridBlock, device: Device) -> Network:
    if device.engine == TORCH:
        return build_torch_network(config, net, device)
    network = GluonNetwork(net)
    for block in {id(block): block for block in (network.in_training, net)}.values():
        _prepare_for_mxnet(config, block, is_cpu=device.gpu is None)
    return network


def add_what_follows_steps(config: Config, state: TrainState, schedule: Schedule, calendar: Epochs) -> None:
    """Give ``state`` what changes with the step: the share of SGD, rates of groups, Lookahead."""
    rule, total_steps = config.optimizer, calendar.total_steps(config.epochs)
    state.sums_losses = config.loss.reduction == "sum"
    state.sgd_share = rule.sgd_share(float(calendar.steps_per_epoch))
    parameters = state.network.parameters
    ends = [
        EarlyEnd(
            [parameters[name] for name in members_of(state.net, group.match)],
            calendar.first_step_of(group.until_epoch),
            total_steps,
            schedule,
        )
        for group in rule.groups
        if group.until_epoch is not None
    ]
    if ends:
        state.group_rates = GroupRates(state.optimizer, state.trainer.states, ends)
    if rule.lookahead.every:
        state.lookahead = Lookahead(state.network, rule.lookahead.every, rule.lookahead.alpha, total_steps)


def _prepare_for_mxnet(config: Config, net: gluon.HybridBlock, *, is_cpu: bool) -> None:
    if config.hybridize:
        net.hybridize(static_alloc=True)
    if config.precision == "bfloat16" or config.precision == "float16":
        compute_in_lower_precision(net, config.precision)
    elif config.hybridize and is_cpu:
        join_norm_and_relu(net)


def build_torch_network(config: Config, net: gluon.HybridBlock, device: Device) -> Network:
    """``net`` computed by PyTorch, which keeps its values on the device.

    Raises:
        ConfigError: CFG81 PyTorch has nothing like one of its operators, or a layer refuses the images.
        SetupError: ENV78 ``compile`` without what torch.compile needs.
    """
    if config.compile:
        check_compiler(device.in_torch)
    from gluonlab.torch_engine.training import TorchGluonNetwork

    network = TorchGluonNetwork(
        net, device=device.in_torch, precision=config.precision, is_compiled=config.compile
    )
    network.check((config.data.channels, config.data.image_size, config.data.image_size))
    return network


def _start_from(config: Config, net: gluon.HybridBlock, world: World) -> None:
    model, data = config.model, config.data
    assert model.pretrained
    path, which = find_weights(model.pretrained), model.pretrained_weights
    taken = load_weights(net, path, model=model.name, is_new_head=model.new_head, which=which).taken
    if world.rank != 0:
        return
    if taken.is_told and which is None:
        _log.warning("model.pretrained: took %s; model.pretrained_weights says which", taken)
    theirs = read_facts(path).preprocessing if (path / FACTS_FILE).is_file() else None
    if theirs and (theirs.mean, theirs.std) != (tuple(data.mean), tuple(data.std)):
        told = f"data.mean={list(theirs.mean)} data.std={list(theirs.std)}"
        _log.warning("model.pretrained: %s was trained with %s, the recipe has others", path, told)


def build_average(config: Config, net: Net, optimizer: Optimizer) -> Optional[WeightAverage]:
    """The average of the weights that is evaluated; None where the last weights are."""
    if isinstance(optimizer, ScheduleFree):
        return ScheduleFreeAverage(net, optimizer)
    return config.averaging.build(net)


def build_clip(config: Config) -> Optional[GradientClip]:
    """What bounds the gradient before the update; None if nothing does."""
    section = config.optimizer
    if section.clip_norm is None and section.clip_value is None:
        return None
    return GradientClip(section.clip_norm, section.clip_value)


def build_train_loss(config: Config) -> gluon.HybridBlock:
    """The training loss, smoothed as the recipe says."""
    return _compiled(config.loss.build(config.data.classes, config.label_smoothing))


def build_val_loss(config: Config) -> gluon.HybridBlock:
    """The validation loss, which is never smoothed."""
    return _compiled(config.loss.build_for_validation(config.data.classes))


def _compiled(loss: gluon.HybridBlock) -> gluon.HybridBlock:
    loss.hybridize(static_alloc=True)
    return loss
