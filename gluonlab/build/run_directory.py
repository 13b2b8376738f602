"""The run directory: one run at a time, and never two different runs in one place."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Optional

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.verify import Checkpoint, read_checkpoint
from gluonlab.config.load import check_config
from gluonlab.config.schema import Config
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.reporting.run_files import CHECKPOINTS, CONFIG, LOCK, read_json

# A job that was killed a moment ago may still be ending.
LOCK_PATIENCE_SECONDS = 10.0


def run_directory(config: Config, recipe: Path) -> Path:
    """Where the run goes: ``run_dir``, or runs/<name of the recipe file>."""
    return Path(config.run_dir) if config.run_dir else Path("runs") / recipe.stem


def check_same_run(config: Config, run_dir: Path, allowed_changes: Sequence[str] = ()) -> None:
    """Refuse a run directory that holds a run of another recipe, but for keys that begin with an allowed one.

    Raises:
        ConfigError: CFG20, naming each key that differs.
    """
    if not (run_dir / CONFIG).exists():
        return
    then = load_run_config(run_dir).recipe()
    differences = [
        f"{key} was {old!r}, now {new!r}"
        for key, old, new in _differences(then, config.recipe())
        if not key.startswith(tuple(allowed_changes) or "\0")
    ]
    if differences:
        raise ConfigError(
            "CFG20",
            str(run_dir),
            f"holds a run of another recipe: {', '.join(differences)}",
            "use another run_dir, or allow the change of a key with --allow-change KEY",
        )


def lock_run_directory(run_dir: Path) -> IO[str]:
    """Take the directory for this process, until the file returned is closed or the process ends.

    Raises:
        CheckpointError: CKP11 if another process has it, CKP01 if it cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (run_dir / LOCK).open("a+")
    except OSError as error:
        raise CheckpointError("CKP01", str(run_dir), f"cannot be written: {error.strerror}") from None
    if not _is_locked_within(file, LOCK_PATIENCE_SECONDS):
        file.seek(0)
        holder = file.read(100).strip() or "unknown"
        file.close()
        raise CheckpointError(
            "CKP11", str(run_dir), f"is in use by process {holder}", "use another run_dir"
        ) from None
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
    return check_config(document["config"], str(path), overrides)


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
