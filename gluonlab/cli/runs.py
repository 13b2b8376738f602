"""``gluonlab runs``: the list of runs; one resumed, deleted, sent to a tracker, drawn."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, Optional

import typer

from gluonlab.cli.output import JSON_OPTION, echo_table, write_json
from gluonlab.commands import gluonlab_command
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.reporting import run_files
from gluonlab.reporting.runs import RunInfo, is_running, list_runs
from gluonlab.reporting.timeline import write_timeline
from gluonlab.reporting.trackers import TRACKERS
from gluonlab.reporting.trackers.sending import send_run

DEFAULT_ROOT = Path("runs")
_DIRECTORY = typer.Argument(
    DEFAULT_ROOT, metavar="[DIR]", help="Folder with runs; default runs.", show_default=False
)
_DELETE = typer.Option([], "--delete", metavar="NAME", help="Delete this run; repeatable.")
_SEND = typer.Option(
    None,
    "--send",
    metavar="NAME TRACKER",
    help=f"Send what this run has logged to {', '.join(TRACKERS)}; what was sent is not sent again.",
)
_TIMELINE = typer.Option(
    None,
    "--timeline",
    metavar="RUN",
    help="Draw what the processes of this run did last, as a Chrome trace: see docs/flight_recorder.md.",
)
_OUTPUT = typer.Option(
    None, "-o", "--output", metavar="FILE", help="For --timeline; by default timeline.json in the run."
)
_HEADER = ("run", "state", "step", "epoch", "top-1", "processes", "updated")


def runs(
    directory: Path = _DIRECTORY,
    delete: list[str] = _DELETE,
    yes: bool = typer.Option(False, "--yes", help="Delete without asking."),
    resume: Optional[str] = typer.Option(
        None, "--resume", metavar="NAME", help="Give the command of this run again, so that it continues."
    ),
    send: Optional[tuple[str, str]] = _SEND,
    timeline: Optional[str] = _TIMELINE,
    output: Optional[Path] = _OUTPUT,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """List runs with their state, last step and accuracy. The newest comes last.

    Example: gluonlab runs runs --resume digits
    """
    if directory != DEFAULT_ROOT and not directory.is_dir():
        raise CheckpointError("CKP02", str(directory), "no such directory")
    if delete:
        _delete_runs(directory, delete, yes)
        write_json({"deleted": delete}, json_target)
        return
    if output and not timeline:
        raise ConfigError("CLI02", "-o", "is where --timeline is written to", "add --timeline RUN")
    if timeline:
        _draw_timeline(_found(directory, timeline), output, json_target)
        return
    if send:
        _send_run(directory, *send, json_target=json_target)
        return
    if resume:
        _resume_run(directory / resume)
    found = list_runs(directory)
    if write_json([_as_json(run) for run in found], json_target):
        return
    echo_table(_HEADER, [_as_cells(run) for run in found], empty=f"no runs in {directory}")


def _as_json(run: RunInfo) -> dict[str, Any]:
    return {**asdict(run), "path": str(run.path)}


def _as_cells(run: RunInfo) -> tuple[str, ...]:
    total = f"/{run.total_steps}" if run.total_steps is not None else ""
    return (
        run.name,
        run.state,
        "-" if run.steps is None else f"{run.steps}{total}",
        "-" if run.epoch is None else f"{run.epoch:.1f}",
        "-" if run.top1 is None else f"{100 * run.top1:.2f} %",
        "-" if run.processes is None else str(run.processes),
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run.updated)),
    )


def _resume_run(path: Path) -> NoReturn:
    """Become the command that started the run ``path``, in the folder where it was given."""
    if not (path / run_files.CONFIG).is_file():
        raise _no_run(path)
    recorded = run_files.read_json(path / run_files.CONFIG)
    command = [str(word) for word in recorded.get("command") or [] if word != "--start-over"]
    folder = Path(str(recorded.get("folder")))
    if command[:2] not in (["gluonlab", "train"], ["gluonlab", "launch"]) or not folder.is_dir():
        raise CheckpointError(
            "CKP10", str(path), "holds no command to give again", "start it again by its recipe"
        )
    typer.echo(f"in {folder}: {shlex.join(command)}", err=True)
    os.chdir(folder)
    os.execv(sys.executable, [sys.executable, "-m", "gluonlab.cli.main", *command[1:]])


def _send_run(directory: Path, name: str, tracker: str, *, json_target: Optional[str]) -> None:
    if tracker not in TRACKERS:
        raise ConfigError(
            "CLI02", "runs --send", f"{tracker!r} is no tracker", f"there are {', '.join(TRACKERS)}"
        )
    path = _found(directory, name)
    is_live = is_running(path)
    if is_live and tracker in _trackers_of(path):
        raise ConfigError(
            "CLI02", str(path), f"is running, and sends to {tracker} itself", "wait for its end"
        )
    rows = send_run(path, tracker, is_running=is_live)
    result = {"run": str(path), "tracker": tracker, "rows": rows}
    if not (write_json(result, json_target) and json_target == "-"):
        typer.echo(f"{tracker} has {path}: {rows:,} rows were sent that it lacked")


def _found(directory: Path, name: str) -> Path:
    """The run ``name`` of ``directory``, or that of this path."""
    path = directory / name
    is_elsewhere = not (path / run_files.CONFIG).is_file() and (Path(name) / run_files.CONFIG).is_file()
    return Path(name) if is_elsewhere else path


def _draw_timeline(run: Path, output: Optional[Path], json_target: Optional[str]) -> None:
    if not (run / run_files.CONFIG).is_file():
        raise _no_run(run)
    target = output or run / "timeline.json"
    drawn = write_timeline(run, target)
    result = {
        "timeline": str(target),
        "event": drawn.event,
        "clocks": drawn.clocks,
        "first_difference": drawn.difference or None,
    }
    if write_json(result, json_target) and json_target == "-":
        return
    typer.echo(f"{target}: {len(drawn.clocks)} processes, {drawn.event}; open it in https://ui.perfetto.dev")
    for how in dict.fromkeys(drawn.clocks.values()):
        ranks = ", ".join(str(rank) for rank, other in drawn.clocks.items() if other == how)
        typer.echo(f"clock of rank {ranks}: {how}")
    typer.echo(f"first difference: {drawn.difference or 'none'}")


def _trackers_of(path: Path) -> list[str]:
    config = run_files.read_json(path / run_files.CONFIG).get("config") or {}
    return list(config.get("trackers") or [])


def _no_run(path: Path) -> CheckpointError:
    hint = f"see {gluonlab_command('runs', path.parent)}" if path.parent.is_dir() else ""
    return CheckpointError("CKP02", str(path), "no run here (no config.json)", hint)


def _delete_runs(root: Path, names: list[str], is_confirmed: bool) -> None:
    paths = [_deletable_run(root, name) for name in names]
    if not is_confirmed and not _confirm(f"Delete {', '.join(map(str, paths))} with all checkpoints?"):
        typer.echo("nothing deleted", err=True)
        return
    for path in paths:
        shutil.rmtree(path)
        typer.echo(f"deleted {path}", err=True)


def _confirm(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort as error:
        raise ConfigError("CLI02", "runs --delete", "not confirmed", "add --yes") from error


def _deletable_run(root: Path, name: str) -> Path:
    """The directory of run ``name``; refuses everything that is not clearly a run inside ``root``."""
    path = root / name
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise ConfigError("CLI02", "runs --delete", f"{name!r} is not inside {root}")
    if any(root.joinpath(*parts[:count]).is_symlink() for count in range(1, len(parts) + 1)):
        raise ConfigError("CLI02", str(path), "is reached through a symbolic link", "delete it by hand")
    if not (path / run_files.CONFIG).is_file():
        raise _no_run(path)
    if is_running(path):
        raise ConfigError("CLI02", str(path), "is running", "stop it first")
    return path
