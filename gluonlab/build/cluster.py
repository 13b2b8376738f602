"""A cluster file and a recipe to the objects of the simulator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Optional

from gluonlab import models
from gluonlab.build.data import build_calendar, planned_train_samples
from gluonlab.build.gradients import gradient_tensors
from gluonlab.build.network import build_network
from gluonlab.config.cluster import ClusterFile, Measurement
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError, GluonlabError, Problem
from gluonlab.intervals import parse_interval
from gluonlab.simulate.compute import ComputeLaw, fit_law
from gluonlab.simulate.gradients import Fusion, GradientTensor
from gluonlab.simulate.topology import Link, Topology, network_link
from gluonlab.simulate.training import Calendar, Overheads
from gluonlab.simulate.update import Cluster, Communication, InputPipeline, Work

_WIRE_BYTES = {"float32": 4, "float16": 2}
_LARGEST_ARITHMETIC_FACTOR = 8.0
"""How unlike a measured network another may be to take over its rate; beyond, it must be measured."""


@dataclass(frozen=True)
class Job:
    """The work of one row of the table: a recipe on ``gpus`` GPUs; ``notes`` say what it departs from."""

    gpus: int
    global_batch_size: int
    work: Work
    calendar: Calendar
    notes: tuple[str, ...]


def build_cluster(file: ClusterFile) -> Cluster:
    """The machine; without a network section it ends with its one node."""
    network = file.network
    outside = (
        Link(math.inf, 0.0)
        if network is None
        else network_link(
            network.adapters_per_node,
            1e9 * network.gigabits_per_second,
            1e-6 * network.latency_microseconds,
            network.achieved_fraction,
            network.oversubscription_ratio,
        )
    )
    inside = Link(1e9 * file.inside_node.gigabytes_per_second, 1e-6 * file.inside_node.latency_microseconds)
    communication, feeding = file.communication, file.input
    copied = feeding.copied_gigabytes_per_second_per_node
    fusion = Fusion(2**20 * communication.fusion_threshold_mebibytes, 1e-3 * communication.cycle_milliseconds)
    return Cluster(
        Topology(file.gpus_per_node, inside, outside),
        Communication(communication.algorithm, communication.overlaps_backward, fusion),
        InputPipeline(
            feeding.decoded_images_per_second_per_node,
            None if copied is None else 1e9 * copied,
            feeding.is_prefetched,
        ),
        file.compute_noise_fraction,
        1e9 * file.device.memory_gigabytes_per_second,
    )


def build_overheads(file: ClusterFile) -> Overheads:
    """The seconds of start, checkpoint and validation of a run."""
    run = file.run
    return Overheads(run.startup_seconds, run.checkpoint_seconds, run.validation_overhead_seconds)


def build_jobs(config: Config, file: ClusterFile, gpu_counts: Sequence[int], is_weak: bool) -> list[Job]:
    """One job for each number of GPUs.

    The recipe's batch is kept, in W / P passes per GPU, unless ``is_weak`` or there are more GPUs than
    virtual workers: then each GPU plays one, and the global batch grows.

    Raises:
        ConfigError: with every problem found: SIM01 GPUs that do not fill nodes, SIM02 a batch too far from
            the measured ones, SIM03 no rate measured, CFG08 GPUs that do not divide the virtual workers.
    """
    tensors = gradient_tensors(build_network(config), _input_shape(config))
    measured, factor = _nearest_measured(config, file, tensors)
    law = _compute_law(measured, file, factor)
    contention = _contention(measured, file)
    name, note = measured[0].model, None
    if name != config.model.name:
        note = f"{config.model.name} is not measured: {name} with {factor:.3g} times its multiply-adds"
    topology = build_cluster(file).topology
    jobs, problems = [], _batch_problems(law, config.worker_size)
    for gpus in gpu_counts:
        try:
            topology.layout(gpus)
            if gpus > file.gpus_per_node and file.network is None:
                raise ConfigError(
                    "SIM01", f"--gpus {gpus}", f"{file.name} is one node: its file has no network section"
                )
            jobs.append(_build_job(config, law, contention, tensors, gpus, is_weak, note))
        except GluonlabError as error:
            problems += error.problems
    if problems:
        raise ConfigError.from_problems(problems)
    return jobs


def _build_job(
    config: Config,
    law: ComputeLaw,
    contention_fraction: float,
    tensors: tuple[GradientTensor, ...],
    gpus: int,
    is_weak: bool,
    law_note: Optional[str],
) -> Job:
    from gluonlab.parallel.shares import workers_of_process

    notes = [law_note] if law_note else []
    if config.data.known_samples("val") is None:
        notes.append("validation is left out: data.val_samples does not tell how much it is")
    if config.phases:
        notes.append("phases are left out: all updates are as those of the first epoch")
    if is_weak or gpus > config.virtual_workers:
        passes, batch = 1, gpus * config.worker_size
        if batch != config.global_batch_size:
            notes.append(
                f"{gpus} GPUs: global batch {batch:,}, not the recipe's {config.global_batch_size:,}"
            )
    else:
        passes = len(workers_of_process(config.virtual_workers, 0, gpus))
        batch = config.global_batch_size
    low, high = law.smallest_batch, law.largest_batch
    if not law.is_measured(config.worker_size):
        notes.append(f"batch {config.worker_size} is extrapolated: measured are {low:g} to {high:g} images")
    channels, height, width = _input_shape(config)
    work = Work(
        law=law,
        batch=config.worker_size,
        passes=passes,
        tensors=tensors,
        bytes_per_element=_WIRE_BYTES[config.wire_precision],
        bytes_per_image=channels * height * width,  # uint8, as the loader hands it to the device
        has_layer_norms=config.optimizer.has_layer_norms,
        contention_fraction=contention_fraction,
    )
    return Job(gpus, batch, work, _build_calendar(config, batch), tuple(notes))


def _build_calendar(config: Config, global_batch_size: int) -> Calendar:
    changed = config.model_copy(update={"global_batch_size": global_batch_size, "phases": []})
    epochs = build_calendar(changed, planned_train_samples(config.data))
    interval = parse_interval(config.checkpoint_every)
    return Calendar(
        steps=epochs.total_steps(config.epochs),
        epochs=config.epochs,
        validations=math.ceil(config.epochs / config.eval_every),
        val_images=config.data.known_samples("val") or 0,
        checkpoint_seconds=interval.amount if interval and interval.unit == "seconds" else None,
    )


def _nearest_measured(
    config: Config, file: ClusterFile, tensors: Sequence[GradientTensor]
) -> tuple[list[Measurement], float]:
    """The rates of the recipe's network, or of the nearest one in arithmetic and how much less that has."""
    rows = [row for row in file.device.throughput if row.precision == config.precision]
    if not rows:
        measured = ", ".join(sorted({row.precision for row in file.device.throughput}))
        raise ConfigError(
            "SIM03",
            f"precision: {config.precision}",
            f"device.throughput of {file.name} has no rate in it",
            f"measured: {measured}",
        )
    mine = sum(tensor.multiply_adds for tensor in tensors)
    names = sorted({row.model for row in rows})
    if config.model.name in names:
        measured_name, factor = config.model.name, 1.0
    else:
        costs = {name: _multiply_adds(name) for name in names}
        measured_name = min(names, key=lambda name: abs(math.log(mine / costs[name])))
        factor = mine / costs[measured_name]
        if abs(math.log(factor)) > math.log(_LARGEST_ARITHMETIC_FACTOR):
            raise ConfigError(
                "SIM03",
                f"model.name {config.model.name}",
                f"is not measured in device.throughput of {file.name}, and has {factor:.3g} times the "
                f"multiply-adds of the nearest, {measured_name}",
                "add a measured rate of it",
            )
    return [row for row in rows if row.model == measured_name], factor


def _compute_law(measured: Sequence[Measurement], file: ClusterFile, factor: float) -> ComputeLaw:
    curve = {float(row.batch_images): row.images_per_second for row in measured}
    overhead = file.device.pass_overhead_milliseconds
    try:
        law = fit_law(curve, None if overhead is None else 1e-3 * overhead)
    except ValueError as error:
        raise ConfigError("SIM03", f"device.throughput of {file.name}", str(error)) from None
    return law if factor == 1.0 else law.slowed(factor)


def _contention(measured: Sequence[Measurement], file: ClusterFile) -> float:
    found = [row.contention_fraction for row in measured if row.contention_fraction is not None]
    return median(found) if found else file.contention_fraction


def _multiply_adds(name: str) -> int:
    shape = models.entry(name).input_shape
    return sum(tensor.multiply_adds for tensor in gradient_tensors(models.create(name), shape))


def _batch_problems(law: ComputeLaw, batch: int) -> list[Problem]:
    low, high = law.allowed_batches
    if low <= batch <= high:
        return []
    return [
        Problem(
            "SIM02",
            f"worker_batch_size {batch}",
            f"is too far from the measured batches, {law.smallest_batch:g} to {law.largest_batch:g}",
            f"between {math.ceil(low)} and {math.floor(high)} can be estimated",
        )
    ]


def _input_shape(config: Config) -> tuple[int, int, int]:
    return config.data.channels, config.data.image_size, config.data.image_size
