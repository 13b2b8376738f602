"""What a run would do, without doing it: batch, virtual workers, steps, learning rate, memory."""

from __future__ import annotations

import math
from typing import Any

from gluonlab.build.check import check_processes
from gluonlab.build.data import build_calendar, planned_train_samples
from gluonlab.build.schedule import build_schedule, peak_lr
from gluonlab.config.schema import Config
from gluonlab.epochs import Epochs
from gluonlab.parallel.shares import workers_of_process
from gluonlab.schedules import Schedule

Plan = dict[str, Any]


def plan_schedule(config: Config) -> tuple[Epochs, Schedule]:
    """The calendar and the learning rate, from the recipe alone where the data set's size is known."""
    calendar = build_calendar(config, planned_train_samples(config.data))
    return calendar, build_schedule(config, calendar)


def make_plan(config: Config, processes: int) -> Plan:
    """All figures of a run on ``processes`` processes; builds the network, computes nothing.

    Raises:
        ConfigError: the recipe is wrong, or ``processes`` does not divide the virtual workers.
    """
    from gluonlab.build.network import build_network
    from gluonlab.models.inspection import FLOAT32_BYTES, activation_bytes, count_parameters

    mine = workers_of_process(config.virtual_workers, 0, processes, deterministic=config.deterministic)
    check_processes(config, processes)
    phases = config.in_phases()
    calendar, schedule = plan_schedule(config)
    net = build_network(config)
    size = max(phase.data.image_size for phase in phases)
    micro_steps = max(phase.virtual_workers for phase in phases) // processes
    parameters = count_parameters(net)
    # Every activation once: the graph reuses more than its gradients take, so this is an upper estimate
    # (12 % above the peak of ResNet-50 at batch 8 on a CPU).
    memory = FLOAT32_BYTES * parameters * parameter_copies(config, micro_steps, processes)
    memory += FLOAT32_BYTES * elements_of_sides(config, net)
    memory += activation_bytes(net, (config.data.channels, size, size), config.worker_size)
    return {
        "model": config.model.name,
        "parameters": parameters,
        "train_samples": calendar.num_samples,
        "global_batch_size": config.global_batch_size,
        "worker_batch_size": config.worker_size,
        "virtual_workers": config.virtual_workers,
        "processes": processes,
        "micro_steps_per_update": len(mine),
        "images_per_process_and_update": len(mine) * config.worker_size,
        "epochs": config.epochs,
        "steps_per_epoch": float(calendar.steps_per_epoch),
        "steps": calendar.total_steps(config.epochs),
        "phases": _phase_rows(config, calendar),
        "peak_lr": peak_lr(config),
        "learning_rate": learning_rate_milestones(config, calendar, schedule),
        "memory_bytes_per_process": int(memory),
    }


def _phase_rows(config: Config, calendar: Epochs) -> list[dict[str, Any]]:
    return [
        {
            "from_epoch": phase.from_epoch,
            "step": calendar.first_step_of(phase.from_epoch),
            "changes": {**phase.changes(), **({"schedule": phase.schedule.name} if phase.schedule else {})},
        }
        for phase in config.phases
    ]


def elements_of_sides(config: Config, net: Any) -> int:
    """Of the matrices that Shampoo and SOAP keep: for wide layers many times their weights."""
    from gluonlab.optim.base import MOMENTUM, VARIANCE

    if not config.optimizer.keeps_matrices:
        return 0
    rule = config.optimizer.build(config.schedule.base_lr, net)
    states = [rule.state_shapes_of(one) for one in net.collect_params().values() if one.grad_req != "null"]
    return sum(
        math.prod(shape)
        for shapes in states
        for name, shape in shapes.items()
        if name not in (MOMENTUM, VARIANCE)
    )


def parameter_copies(config: Config, micro_steps: int, processes: int) -> float:
    """How many arrays as large as all parameters together a process keeps, in units of float32."""
    kept = 2.0 + config.optimizer.arrays + config.averaging.arrays  # weights, gradients
    kept += 0.5 if config.wire_precision == "float16" else 0
    if not config.deterministic:
        return kept + (1 if micro_steps > 1 else 0)
    partial_sums = micro_steps.bit_length() - 1
    # What is gathered, its sums in pairs, and our own part laid end to end.
    gathered = 2 * processes + 1 if processes > 1 else 0
    return kept + partial_sums + gathered


def learning_rate_milestones(config: Config, calendar: Epochs, schedule: Schedule) -> list[dict[str, float]]:
    """The rate where it changes course: start, end of warm-up, what the schedule names, last step."""
    section, last = config.schedule, calendar.total_steps(config.epochs) - 1
    steps = {0, calendar.first_step_of(section.warmup_epochs), last} | section.turns(calendar, config.epochs)
    steps |= {calendar.first_step_of(phase.from_epoch) for phase in config.phases}
    return [
        {"step": step, "epoch": calendar.epoch_at(step), "learning_rate": schedule(step)}
        for step in sorted(steps)
        if step <= last
    ]


def format_plan(plan: Plan) -> str:
    """The text that ``--dry-run`` prints."""
    rows = [
        ("model", f"{plan['model']}, {plan['parameters']:,} trainable parameters"),
        ("global batch", f"{plan['global_batch_size']:,} images"),
        ("virtual workers", f"W = {plan['virtual_workers']:,} of {plan['worker_batch_size']} images"),
        (
            "each process",
            f"{plan['processes']} process(es), {plan['micro_steps_per_update']:,} micro-step(s) per update, "
            f"{plan['images_per_process_and_update']:,} images",
        ),
        (
            "length",
            f"{plan['steps']:,} steps = {plan['epochs']:g} epochs of {plan['steps_per_epoch']:,.2f} steps "
            f"({plan['train_samples']:,} images)",
        ),
        ("memory", f"about {plan['memory_bytes_per_process'] / 2**20:,.0f} MiB per process while training"),
    ]
    rows += [
        (f"from epoch {phase['from_epoch']:g}", f"step {phase['step']:,}: {_keys_of(phase['changes'])}")
        for phase in plan["phases"]
    ]
    lines = [f"{name:<16} {text}" for name, text in rows]
    lines += ["", "learning rate    step      epoch  rate"]
    lines += [
        f"{'':<16} {point['step']:>8,}  {point['epoch']:>6.2f}  {point['learning_rate']:.6g}"
        for point in plan["learning_rate"]
    ]
    return "\n".join(lines)


def _keys_of(changes: Plan, prefix: str = "") -> str:
    """``{data: {image_size: 160}}`` as ``data.image_size=160``."""
    return ", ".join(
        _keys_of(value, f"{prefix}{key}.") if isinstance(value, dict) else f"{prefix}{key}={value}"
        for key, value in changes.items()
    )
