"""``gluonlab sweep``: many runs of one recipe, over ranges of its keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from gluonlab.cli.output import JSON_OPTION, check_json_target, format_table, write_json
from gluonlab.cli.streams import tolerant_stream
from gluonlab.errors import ConfigError

if TYPE_CHECKING:
    from gluonlab.config.schema import Config
    from gluonlab.sweep.axes import Axis
    from gluonlab.sweep.record import Sweep, Trial
    from gluonlab.sweep.samplers import Values


class SamplerChoice(str, Enum):
    """How the values of the next run are chosen."""

    grid = "grid"
    random = "random"
    tpe = "tpe"


_OVER = typer.Option(
    ..., "--over", metavar="KEY=RANGE", help="log:0.01..10:9, linear:0..1:5, int:1..8 or a,b,c; repeatable."
)
_STOP_EARLY = typer.Option(
    False, "--stop-early", help="Stop the worse half at 1/2^k, ..., 1/4, 1/2 of the epochs (halving)."
)


def sweep(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="recipe:NAME, or a file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    over: list[str] = _OVER,
    sampler: SamplerChoice = typer.Option(SamplerChoice.grid, "--sampler", help="What chooses the values."),
    count: Optional[int] = typer.Option(None, "--runs", min=1, help="How many runs; a grid has its own."),
    seed: int = typer.Option(
        0, "--seed", min=0, max=2**31 - 1, help="Seed of random and tpe, not of the runs."
    ),
    stop_early: bool = _STOP_EARLY,
    jobs: int = typer.Option(1, "--jobs", min=1, help="Runs at a time, which share the cores."),
    processes: int = typer.Option(1, "-n", "--processes", min=1, help="Processes of each run."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Train with many values of some keys and name the best. The same command continues. See docs/sweep.md.

    Example: gluonlab sweep recipe:digits --over schedule.base_lr=log:0.001..0.1:5 run_dir=runs/rates
    """
    check_json_target(json_target)
    plan = _Plan(recipe, overrides or [], over, sampler.value, count, seed, stop_early, processes)
    plan.check_machine(jobs)
    stream = sys.stderr if json_target == "-" else tolerant_stream(1)

    def tell(line: str) -> None:
        print(line, file=stream, flush=True)

    found = plan.carry_out(jobs, tell)
    if not (write_json(_as_json(found, plan.axes), json_target) and json_target == "-"):
        tell(_summary(found, plan.axes))
    plan.check_outcome(found)


class _Plan:
    """A sweep as the command line says it, checked; nothing is written before `carry_out`."""

    def __init__(
        self,
        recipe: Path,
        overrides: list[str],
        over: list[str],
        sampler: str,
        count: Optional[int],
        seed: int,
        stop_early: bool,
        processes: int,
    ) -> None:
        from gluonlab.sweep.axes import parse_axes

        self.recipe, self.overrides, self.sampler, self.seed = recipe, overrides, sampler, seed
        self.processes, self.stop_early = processes, stop_early
        self.axes = parse_axes(over, is_grid=sampler == "grid")
        _check_options(sampler, count, stop_early)
        self.points = self._known_points(count)
        self.count = count or len(self.points)
        configs = self._check_points()
        self.folder = _folder(configs[0], recipe)
        self.rungs = self._rungs(configs)
        self.definition = self._definition(configs[0], over)

    def _known_points(self, count: Optional[int]) -> list[Values]:
        """The values of all runs, where they do not depend on results."""
        from gluonlab.sweep.samplers import grid_points, load_optuna, num_grid_points, random_point

        if self.sampler == "tpe":
            load_optuna()
            return []
        if self.sampler == "random":
            return [random_point(self.axes, self.seed, number) for number in range(count or 0)]
        if num_grid_points(self.axes) > LARGEST_GRID:
            what = f"{num_grid_points(self.axes):,} points in the grid, {LARGEST_GRID:,} at most"
            raise ConfigError("SWP01", "--over", what, "use --sampler random")
        return grid_points(self.axes)

    def _check_points(self) -> list[Config]:
        """The configuration of each run, or of the ends of each range where runs are not known yet.

        Raises:
            ConfigError: with each problem of any of them, once.
        """
        from gluonlab.build.check import check_recipe
        from gluonlab.config import load_config

        problems, configs = {}, []
        for point in self.points or list(self._ends()):
            try:
                config = load_config(self.recipe, [*self.overrides, *_as_overrides(point)])
                check_recipe(config, self.processes)
                configs.append(config)
            except ConfigError as error:
                problems.update({str(problem): problem for problem in error.problems})
        if problems:
            raise ConfigError.from_problems(list(problems.values()))
        return configs

    def _ends(self) -> Iterator[Values]:
        first = {axis.key: axis.ends()[0] for axis in self.axes}
        yield first
        for axis in self.axes:
            yield from ({**first, axis.key: end} for end in axis.ends()[1:])

    def _rungs(self, configs: Sequence[Config]) -> list[float]:
        from gluonlab.sweep.halving import rungs_of

        if not self.stop_early:
            return []
        for key in ("epochs", "eval_every"):
            if len({getattr(config, key) for config in configs}) > 1:
                what = f"{key} differs from run to run, so that they have no rungs in common"
                raise ConfigError("SWP01", "--stop-early", what, f"leave {key} out of --over")
        rungs = rungs_of(configs[0].epochs, configs[0].eval_every, self.count)
        if not rungs:
            what = f"there is no validation before the end, epoch {configs[0].epochs:g}"
            raise ConfigError("SWP01", "--stop-early", what, "set eval_every to half of the epochs or less")
        return rungs

    def _definition(self, config: Config, over: Sequence[str]) -> dict[str, Any]:
        """What decides the results; a swept key belongs to its range, not to the recipe."""
        recipe = config.recipe()
        for axis in self.axes:
            *sections, last = axis.key.split(".")
            node: Any = recipe
            for section in sections:
                node = node.get(section, {})
            node.pop(last, None)
        definition: dict[str, Any] = {"recipe": recipe, "over": dict(text.split("=", 1) for text in over)}
        if self.sampler != "grid":
            definition.update(seed=self.seed)
        return {**definition, "sampler": self.sampler, "rungs": self.rungs, **self._fixed_count()}

    def _fixed_count(self) -> dict[str, Any]:
        """More runs may be asked for later, unless halving depends on their number."""
        return {"runs": self.count} if self.rungs else {}

    def check_machine(self, jobs: int) -> None:
        """Refuse more runs at a time than there are cores, and what the system does not let them have."""
        from gluonlab.runtime.limits import check_limits
        from gluonlab.sweep.children import num_cores

        check_limits(is_launched=self.processes > 1)
        if jobs > num_cores():
            raise ConfigError(
                "CLI02", f"--jobs {jobs}", f"there are {num_cores()} cores", "each run needs one or more"
            )

    def carry_out(self, jobs: int, tell: Any) -> Sweep:
        """Carry on with the sweep in its folder, or begin it."""
        from gluonlab.build.run_directory import lock_run_directory
        from gluonlab.disk import make_folder
        from gluonlab.supervision.stop import StopRequest
        from gluonlab.sweep.conduct import LOGS, Conductor
        from gluonlab.sweep.record import Trial, find_sweep
        from gluonlab.sweep.samplers import tpe_point

        find_sweep(self.folder, self.definition)
        stop = StopRequest()
        with lock_run_directory(self.folder):
            found = find_sweep(self.folder, self.definition)
            known = len(found.trials)
            found.trials += [Trial(known + n, point) for n, point in enumerate(self.points[known:])]
            make_folder(self.folder / LOGS)
            found.save()
            stop.listen()
            tell(f"{self.folder}: {self.count} runs over {', '.join(axis.key for axis in self.axes)}")
            draw = (lambda trials: tpe_point(self.axes, self.seed, trials)) if self.sampler == "tpe" else None
            conductor = Conductor(found, jobs, self._command, tell, self.rungs, draw, self.count)
            conductor.to_the_end(stop)
        return found

    def check_outcome(self, found: Sweep) -> None:
        """Raise an error if runs failed or all diverged, as `conduct.check_outcome` does."""
        from gluonlab.sweep.conduct import check_outcome

        check_outcome(found)

    def _command(self, trial: Trial, rung: Optional[float]) -> list[str]:
        start = ["train"] if self.processes == 1 else ["launch", "-n", str(self.processes)]
        until = [] if rung is None else ["--until-epoch", str(rung)]
        run_dir = f"run_dir={self.folder / trial.name}"
        values = [*self.overrides, *_as_overrides(trial.values), run_dir]
        return [sys.executable, "-m", "gluonlab.cli.main", *start, *until, str(self.recipe), *values]


LARGEST_GRID = 10_000


def _check_options(sampler: str, count: Optional[int], stop_early: bool) -> None:
    if sampler == "grid" and count:
        raise ConfigError("CLI02", "--runs", "a grid has as many as its values make", "leave it out")
    if sampler != "grid" and not count:
        raise ConfigError("CLI02", f"--sampler {sampler}", "needs a number of runs", "add --runs 20")
    if sampler == "tpe" and stop_early:
        what = "halving begins all runs at once, tpe one after another"
        raise ConfigError("CLI02", "--stop-early", what, "use --sampler random, or leave it out")


def _folder(config: Config, recipe: Path) -> Path:
    from gluonlab.build.run_directory import run_directory

    folder = run_directory(config, recipe)
    return folder if config.run_dir else folder.with_name(f"{folder.name}-sweep")


def _as_overrides(values: Values) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]


def _as_json(found: Sweep, axes: Sequence[Axis]) -> dict[str, Any]:
    from dataclasses import asdict

    runs = [{"run": str(found.folder / trial.name), **asdict(trial)} for trial in found.trials]
    best = found.best
    return {
        "sweep": str(found.folder),
        "keys": [axis.key for axis in axes],
        "runs": runs,
        "best": None if best is None else runs[best.number],
    }


def _summary(found: Sweep, axes: Sequence[Axis]) -> str:
    """The table, the best first, and the best as overrides."""
    ranked = sorted(found.trials, key=lambda trial: (-trial.epoch, -(trial.top1 or 0.0), trial.number))
    rows = [
        [
            *(trial.values[axis.key] for axis in axes),
            "-" if trial.top1 is None else f"{trial.top1:.2%}",
            "-" if trial.val_loss is None else f"{trial.val_loss:.4g}",
            f"{trial.epoch:g}",
            trial.state,
            trial.name,
        ]
        for trial in ranked
    ]
    header = [*(axis.key for axis in axes), "top-1", "loss", "epochs", "state", "run"]
    best = found.best
    last = "no run came to its end" if best is None else f"best: {' '.join(_as_overrides(best.values))}"
    return "\n".join([format_table(header, rows), "", last])
