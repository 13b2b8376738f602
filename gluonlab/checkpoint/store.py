"""Directories of checkpoints on disk.

``step-00000123/`` holds safetensors files, ``state.json`` and ``MANIFEST.json`` with the size and
SHA-256 of each. It is written under another name, flushed to the disk and renamed, so it exists
completely or not at all, and the one before it is not touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Optional

import numpy as np
import safetensors.numpy

from gluonlab.checkpoint.durable import flush_directory, rename_durably, write_durably
from gluonlab.checkpoint.search import Tried, find_newest
from gluonlab.checkpoint.tensors import Tensors
from gluonlab.checkpoint.verify import (
    FORMAT,
    MANIFEST,
    Checkpoint,
    DamagedError,
    read_checkpoint,
    score_of,
)
from gluonlab.errors import CheckpointError
from gluonlab.reporting.held_directory import HeldDirectory

_NAME = re.compile(r"step-(\d{8,})")
_log = logging.getLogger("gluonlab")


class CheckpointStore:
    """The checkpoints of one run; the last ``keep`` are kept, and the ``keep_best`` of the highest score.

    ``home`` is the directory of the run, which holds ``directory``.
    """

    def __init__(self, directory: Path, keep: int = 2, keep_best: int = 1) -> None:
        self.directory = directory
        self.home = HeldDirectory(directory.parent)
        self._keep = keep
        self._keep_best = keep_best
        self._passed_over: Tried = {}

    def save(
        self,
        step: int,
        tensors: Mapping[str, Tensors],
        state: Mapping[str, Any],
        score: Optional[float] = None,
    ) -> Path:
        """Write one file for each entry of ``tensors``, and ``state``; returns the directory.

        A checkpoint of this step that is there already stays as it is. ``score`` is the validation
        result of these weights, if it is known; the highest is best.

        Raises:
            CheckpointError: CKP01 if it cannot be written; nothing is left behind.
        """
        final = self.path_of(step)
        if step not in self._passed_over and final.exists():
            return final
        self._write(final, step, tensors, state, score)
        self._remove_old()
        return final

    def keep_bad(self, step: int, tensors: Mapping[str, Tensors], state: Mapping[str, Any]) -> Path:
        """Keep a state to be looked at as ``bad-step-N``, in place of an earlier one; returns the directory.

        It has the files of a checkpoint, but nothing resumes from it.

        Raises:
            CheckpointError: as `save`.
        """
        for earlier in self.directory.glob("bad-step-*"):
            shutil.rmtree(earlier, ignore_errors=True)
        final = self.directory / f"bad-{self.path_of(step).name}"
        self._write(final, step, tensors, state, score=None)
        return final

    def set_bad_aside(self, step: int) -> None:
        """Rename the checkpoint of ``step`` as `keep_bad` would have called it; OSError if that fails."""
        path = self.path_of(step)
        aside = path.with_name(f"bad-{path.name}")
        shutil.rmtree(aside, ignore_errors=True)
        rename_durably(path, aside)

    def path_of(self, step: int) -> Path:
        """Where the checkpoint of ``step`` is, or would be."""
        return self.directory / f"step-{step:08d}"

    def steps(self) -> list[int]:
        """Steps of the checkpoints that exist, ascending; not verified, but without those passed over."""
        return [step for step in self._all_steps() if step not in self._passed_over]

    def load(self, step: int) -> Checkpoint:
        """The checkpoint of ``step``, verified.

        Raises:
            CheckpointError: as `read_checkpoint`.
        """
        return read_checkpoint(self.path_of(step))

    def latest(self) -> Optional[Checkpoint]:
        """The newest good checkpoint, with a warning for each newer one that is passed over.

        None if there never was one. Nothing is changed on the disk.

        Raises:
            UnreadableError: CKP05 one cannot be read now, and may be good.
            CheckpointError: CKP04 there are some, and none is good.
        """
        found, tried = find_newest(self.directory, self._all_steps, self.load)
        for error in tried.values():
            _log.warning("%s; falling back to the one before", error)
        self._passed_over = tried
        return found

    def set_damaged_aside(self) -> None:
        """Rename what the last `latest` found damaged; only the process that writes may call this."""
        for step, error in list(self._passed_over.items()):
            if isinstance(error, DamagedError):
                self._set_aside(step)

    def best_step(self) -> Optional[int]:
        """The step of the checkpoint with the highest score, the later of equals; None if none has one."""
        ranked = self._by_score()
        return ranked[-1] if ranked else None

    def remove_leftovers(self) -> None:
        """Delete what interrupted saves left; only the process that writes may call this."""
        for path in self.directory.glob(".*step-*.tmp-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _write(
        self,
        final: Path,
        step: int,
        tensors: Mapping[str, Tensors],
        state: Mapping[str, Any],
        score: Optional[float],
    ) -> None:
        temporary = self.directory / f".{final.name}.tmp-{os.getpid()}"
        written = 0
        try:
            self.home.make()
            self.directory.mkdir(exist_ok=True, mode=0o700)
            temporary.mkdir(mode=0o700)
            files = {}
            for name, raw in _contents(tensors, state):
                written = len(raw)
                write_durably(temporary / name, raw)
                files[name] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
            manifest = {"format": FORMAT, "step": step, "score": score, "files": files}
            write_durably(temporary / MANIFEST, json.dumps(manifest, indent=1).encode())
            flush_directory(temporary)
            if final == self.path_of(step) and step in self._passed_over:
                self._set_aside(step)
            self.home.check()  # a save takes a while
            rename_durably(temporary, final)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise CheckpointError(
                "CKP01",
                str(final),
                f"cannot be written: {error.strerror}{self._space(written)}",
                "the checkpoints before it are intact",
            ) from error

    def _all_steps(self) -> list[int]:
        if not self.directory.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def _by_score(self) -> list[int]:
        scores = {step: score_of(self.path_of(step)) for step in self.steps()}
        scored = [(score, step) for step, score in scores.items() if score is not None]
        return [step for _, step in sorted(scored)]

    def _remove_old(self) -> None:
        try:
            best = self._by_score()[-self._keep_best :] if self._keep_best else []
        except OSError as error:
            _log.warning("no old checkpoint is removed, the best may be among them: %s", error)
            return
        for step in self.steps()[: -self._keep]:
            if step in best:
                continue
            path = self.path_of(step)
            # A kill in the middle of the removal must not leave half a checkpoint under its name.
            condemned = self.directory / f".{path.name}.tmp-old"
            shutil.rmtree(condemned, ignore_errors=True)
            try:
                os.rename(path, condemned)
            except OSError as error:
                _log.warning("%s cannot be removed: %s", path, error.strerror)
            shutil.rmtree(condemned, ignore_errors=True)

    def _set_aside(self, step: int) -> None:
        """Free the name of ``step``, so that it can be saved again."""
        path = self.path_of(step)
        aside = path.with_name(f"damaged-{path.name}")
        shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, aside)
        del self._passed_over[step]

    def _space(self, needed: int) -> str:
        try:
            free = shutil.disk_usage(self.directory).free
        except OSError:
            return ""
        return f" (a file of {needed / 1e6:,.1f} MB, {free / 1e6:,.1f} MB free)"


def _contents(tensors: Mapping[str, Tensors], state: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """File by file, so that only one is in memory a second time."""
    for name, arrays in tensors.items():
        whole = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        yield f"{name}.safetensors", bytes(safetensors.numpy.save(whole))
    yield "state.json", (json.dumps(state, indent=1) + "\n").encode()
