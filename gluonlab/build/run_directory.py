"""The run directory: one run at a time, and never two different runs in one place."""

from __future__ import annotations

import fcntl
import itertools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Optional

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.verify import Checkpoint, read_checkpoint
from gluonlab.config.load import check_saved
from gluonlab.config.schema import Config
from gluonlab.disk import make_folder, reading, writing
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.reporting import run_files
from gluonlab.reporting.run_files import CHECKPOINTS, CONFIG, LOCK, SUMMARY, read_json
from gluonlab.shipped import find_recipe
from gluonlab.weights.model_folder import GRAPH_FILE

# A job that was killed a moment ago may still be ending.
LOCK_PATIENCE_SECONDS = 10.0

# In the order in which they are moved. Not the logs folder, into which a launcher may be writing.
_OF_A_RUN = (
    CHECKPOINTS, run_files.METRICS, "summary*.json", run_files.ERROR, run_files.LOG, "tensorboard",
    GRAPH_FILE, CONFIG,
)  # fmt: skip


def run_directory(config: Config, recipe: Path) -> Path:
    """Where the run goes: ``run_dir``, or runs/<name of the recipe file>."""
    return Path(config.run_dir) if config.run_dir else Path("runs") / find_recipe(recipe).stem


def check_same_run(config: Config, run_dir: Path, allowed_changes: Sequence[str] = ()) -> tuple[str, ...]:
    """The keys that differ from those of the run in ``run_dir``; each must begin with an allowed one.

    Raises:
        ConfigError: CFG20, naming each key that may not differ.
    """
    if not (run_dir / CONFIG).exists():
        return ()
    then = load_run_config(run_dir).recipe()
    differences = list(_differences(then, config.recipe()))
    refused = [
        f"{key} was {old!r}, now {new!r}"
        for key, old, new in differences
        if not key.startswith(tuple(allowed_changes) or "\0")
    ]
    if refused:
        raise ConfigError(
            "CFG20",
            str(run_dir),
            f"holds a run of another recipe: {', '.join(refused)}",
            "use another run_dir, or allow the change of a key with --allow-change KEY",
        )
    return tuple(key for key, _, _ in differences)


@dataclass(frozen=True)
class Terms:
    """How a run may go on with what its directory holds: keys that may have changed, or that it starts over.

    ``start_over`` names the job that does, "" if it has no name: a restart of the same job goes on. The run
    stops at ``until_epoch``, saved, if it is told.
    """

    allowed_changes: tuple[str, ...] = ()
    start_over: Optional[str] = None
    until_epoch: Optional[float] = None


@dataclass(frozen=True)
class Found:
    """What a run directory holds before this start.

    ``summary`` is that of a finished run, else empty; ``changed`` are keys of its recipe that are others now
    and may be; ``is_left`` where this start is to begin anew and leave all of it aside.
    """

    summary: dict[str, Any] = field(default_factory=dict)
    changed: Sequence[str] = ()
    is_left: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing to do."""
        return bool(self.summary) and not self.changed


def find_run(config: Config, run_dir: Path, terms: Terms) -> Found:
    """What ``run_dir`` holds, if a run of ``config`` may go on with it on these ``terms``.

    Raises:
        ConfigError: as `check_same_run`.
        CheckpointError: CKP03 if a file of it is damaged.
    """
    if terms.start_over is not None and not _is_begun_by(terms.start_over, run_dir):
        return Found(is_left=True)
    changed, path = check_same_run(config, run_dir, terms.allowed_changes), run_dir / SUMMARY
    if not path.exists():
        return Found({}, changed)
    summary = read_json(path)
    if "top1" not in summary or type(summary.get("steps")) is not int:
        raise CheckpointError("CKP03", str(path), "is not a summary", "delete it to continue the run")
    return Found(summary, changed)


def _is_begun_by(job: str, run_dir: Path) -> bool:
    if not job or not (run_dir / CONFIG).exists():
        return False
    try:
        return bool(read_json(run_dir / CONFIG).get("started_over_by") == job)
    except (CheckpointError, OSError):
        return False


def check_anything_is_left(run_dir: Path, found: Found, step: int, total_steps: int) -> None:
    """Refuse a finished run whose changed keys leave no update to train (CFG23)."""
    if found.summary and step >= total_steps:
        raise ConfigError(
            "CFG23",
            str(run_dir),
            f"is finished at step {step}, so that {', '.join(found.changed)} would change nothing any more",
            "give it more epochs as well, or use another run_dir",
        )


def take_over(run_dir: Path, found: Found, document: Mapping[str, Any]) -> Optional[Path]:
    """Make ``run_dir`` that of the run which ``document`` describes; returns where a run that is left went.

    Nothing is written there before this, and nothing refuses the run after it. OSError.
    """
    left = leave_aside(run_dir) if found.is_left else None
    if found.summary:  # before the new recipe, or a kill in between would leave a run that looks finished
        name = f"summary-step-{found.summary['steps']:08d}.json"
        os.replace(run_dir / SUMMARY, run_dir / name)
    (run_dir / run_files.ERROR).unlink(missing_ok=True)
    run_files.remove_leftovers(run_dir)
    CheckpointStore(run_dir / CHECKPOINTS).remove_leftovers()
    run_files.write_json(run_dir / CONFIG, document)
    return left


def leave_aside(run_dir: Path) -> Optional[Path]:
    """Move the run that is in ``run_dir`` into a folder there, which can be evaluated; None if there is none.

    Its configuration goes last. Who comes after a kill in between goes on with the same folder.
    """
    names = [path.name for pattern in _OF_A_RUN for path in sorted(run_dir.glob(pattern))]
    if not names:
        return None
    numbered = (run_dir / f"before-{number}" for number in itertools.count(1))
    folder = next(each for each in numbered if not any((each / name).exists() for name in names))
    folder.mkdir(exist_ok=True, mode=0o700)
    for name in names:
        os.rename(run_dir / name, folder / name)
    return folder


def lock_run_directory(run_dir: Path) -> IO[str]:
    """Take the directory for this process, until the file returned is closed or the process ends.

    Raises:
        CheckpointError: CKP11 if another process has it, CKP01 if it cannot be written.
    """
    try:
        make_folder(run_dir, 0o700)
        file = (run_dir / LOCK).open("a+")
    except OSError as error:
        raise CheckpointError("CKP01", str(run_dir), f"cannot be written: {error.strerror}") from None
    if not _is_locked_within(file, LOCK_PATIENCE_SECONDS):
        file.seek(0)
        with reading(run_dir / LOCK):
            holder = file.read(100).strip() or "unknown"
        file.close()
        raise CheckpointError(
            "CKP11", str(run_dir), f"is in use by process {holder}", "use another run_dir"
        ) from None
    with writing(run_dir / LOCK):
        file.truncate(0)
        file.write(f"{os.getpid()} on {os.uname().nodename}")
        file.flush()
    return file


def _is_locked_within(file: IO[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        else:
            return True


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Optional[Any], Optional[Any]]]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after


def load_run_config(run_dir: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration that ``run_dir`` was trained with, with ``key=value`` overrides.

    Raises:
        CheckpointError: CKP02 if there is none, CKP10 if it cannot be read.
        ConfigError: an override is wrong.
    """
    path = run_dir / CONFIG
    if not path.exists():
        raise CheckpointError("CKP02", str(run_dir), "is not a run", f"a run holds {CONFIG}")
    document = read_json(path)
    if not isinstance(document.get("config"), dict):
        raise CheckpointError("CKP10", str(path), "holds no configuration")
    return check_saved(document["config"], str(path), overrides)


def find_checkpoint(target: Path) -> Checkpoint:
    """``target`` itself if it is a checkpoint, else the newest good one of the run ``target``.

    Raises:
        CheckpointError: CKP02 if there is none.
    """
    if (target / "MANIFEST.json").exists():
        return read_checkpoint(target)
    checkpoint = CheckpointStore(target / CHECKPOINTS).latest()
    if checkpoint is None:
        raise CheckpointError("CKP02", str(target), "is neither a checkpoint nor a run with one")
    return checkpoint
