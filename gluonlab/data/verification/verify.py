"""Verify a record file, a shard or an image folder with child processes, and remember what was found."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Optional, Union, cast

import numpy as np

from gluonlab.data.folder import FolderSource
from gluonlab.data.image_limits import DEFAULT_LIMITS, TOO_LARGE, ImageLimits
from gluonlab.data.recordio import RecordReader
from gluonlab.data.shards import SHARD_KINDS, ShardKind
from gluonlab.data.shards.scan import scan
from gluonlab.data.verification.index import (
    DTYPES,
    Records,
    VerifiedIndex,
    cached_path,
    index_paths,
    load_index,
    unpacked_path,
)
from gluonlab.disk import make_folder, reading, sha256_of
from gluonlab.errors import DataError, Problem

Kind = Union[Literal["record", "folder"], ShardKind]
Progress = Callable[[int, int], None]

CHUNK = 64
SECONDS_PER_CHUNK = 120.0
_log = logging.getLogger("gluonlab")


def verified(
    kind: Kind, path: Path, *, processes: int = 1, limits: ImageLimits = DEFAULT_LIMITS
) -> VerifiedIndex:
    """The index of what lies at ``path``: that of an earlier verification, if nothing changed since.

    Records that were too large then, and are not by these ``limits``, make it a change. Processes that ask at
    the same time on one machine wait for the first.
    """
    with _one_at_a_time(path):
        identity = identify(kind, path)
        known = _known(path, identity)
        if known is None or _leaves_out(known, limits):
            known = verify(kind, path, processes=processes, limits=limits)
            remember(known, path)
        return known


def _leaves_out(index: VerifiedIndex, limits: ImageLimits) -> bool:
    """Whether ``index`` was made with smaller limits, so that not all of these images were decoded."""
    refused = {number for number, problem in index.bad.items() if problem.code == TOO_LARGE}
    return bool(refused - index.too_large(limits).keys())


def known_index(kind: Kind, path: Path) -> Optional[VerifiedIndex]:
    """The index of an earlier verification if there is one of this very file or folder; nothing is made."""
    identity = identify(kind, path)
    for place in index_paths(path):
        index = load_index(place)
        if index and index.is_of(identity) and index.lists_as(identity) and index.has_images_of(path):
            return index
    return None


def verify(
    kind: Kind,
    path: Path,
    *,
    processes: int = 1,
    progress: Optional[Progress] = None,
    limits: ImageLimits = DEFAULT_LIMITS,
) -> VerifiedIndex:
    """Read and decode every record of ``path`` that is within ``limits``, in ``processes`` children.

    Raises:
        DataError: DAT01, DAT03, DAT04 where the file or folder as a whole cannot be read.
    """
    identity = identify(kind, path)
    if kind not in SHARD_KINDS:
        count = len(RecordReader(path)) if kind == "record" else len(FolderSource(path))
        subject = _Subject(kind, path, path.name)
        return _examine(subject, count, processes, progress, limits, identity, path)
    with tempfile.TemporaryDirectory(prefix="gluonlab-verify-") as folder:
        layout = scan(cast("ShardKind", kind), path, unpacked_path(path))
        subject = _Subject(kind, Path(folder, "layout.safetensors"), layout.shard)
        layout.save(subject.path)
        index = _examine(subject, len(layout), processes, progress, limits, identity, path)
    unpacked = 0 if layout.file == path else layout.file.stat().st_size
    return replace(index, classes=layout.classes, unpacked=unpacked)


@dataclass(frozen=True)
class _Subject:
    """What child processes look at, and what it is called: a file, a folder, the layout of a shard."""

    kind: Kind
    path: Path
    name: str


def _examine(
    subject: _Subject,
    count: int,
    processes: int,
    progress: Optional[Progress],
    limits: ImageLimits,
    identity: dict[str, Any],
    path: Path,
) -> VerifiedIndex:
    bounds = np.linspace(0, count, min(processes, count) + 1).astype(int).tolist()
    done = [0] * (len(bounds) - 1)

    def run(part: int) -> list[list[Any]]:
        rows: list[list[Any]] = []
        with closing(_rows(subject, bounds[part], bounds[part + 1], limits)) as found:
            for row in found:
                if row[-1] and row[-1][0] == "DAT03":  # the index is wrong: no fault of the record's
                    raise DataError(*row[-1])
                rows.append(row)
                done[part] = len(rows)
                if progress and len(rows) % CHUNK == 0:
                    progress(sum(done), count)
        return rows

    with ThreadPoolExecutor(len(done) + 1, thread_name_prefix="gluonlab-verify") as pool:
        digest = pool.submit(sha256_of, path) if subject.kind != "folder" else None
        rows = [row for part in pool.map(run, range(len(done))) for row in part]
    bad = {number: Problem(*row[-1]) for number, row in enumerate(rows) if row[-1]}
    columns = zip(*(row[:-1] for row in rows))
    arrays = {name: np.array(column, dtype) for (name, dtype), column in zip(DTYPES.items(), columns)}
    sha256 = digest.result() if digest else str(identity["sha256"])
    return VerifiedIndex(Records(**arrays), bad, identity, sha256)


def remember(index: VerifiedIndex, path: Path) -> Path:
    """Write ``index`` beside ``path``, or in the cache where that cannot be written; returns where."""
    *beside, cached = index_paths(path)
    for place in beside:
        try:
            index.save(place)
            return place
        except OSError:
            _log.info("%s cannot be written; using the cache", place)
    make_folder(cached.parent)
    index.save(cached)
    return cached


def identify(kind: Kind, path: Path) -> dict[str, Any]:
    """What tells one state of a file or folder from another without reading its content."""
    if kind != "folder" and not path.is_file():
        raise DataError("DAT01", str(path), "no such file")
    if kind in SHARD_KINDS:
        state = path.stat()
        return {"kind": kind, "size": state.st_size, "mtime_ns": state.st_mtime_ns}
    if kind == "record":
        state, text = path.stat(), path.with_suffix(".idx")
        with reading(text):
            listed = hashlib.sha256(text.read_bytes()).hexdigest() if text.is_file() else None
        return {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "index": listed}
    digest = hashlib.sha256()
    source = FolderSource(path)
    for number in range(len(source)):
        state = source.path(number).stat()
        digest.update(f"{source.where(number)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return {"files": len(source), "sha256": digest.hexdigest()}


def _known(path: Path, identity: dict[str, Any]) -> Optional[VerifiedIndex]:
    for place in index_paths(path):
        index = load_index(place)
        if index is None or not index.lists_as(identity) or not index.has_images_of(path):
            continue
        if index.is_of(identity):
            return index
        # A copy has another date; its content tells.
        if index.identity.get("size") == identity.get("size", -1) and index.sha256 == sha256_of(path):
            current = replace(index, identity=identity)
            remember(current, path)
            return current
    return None


def _rows(subject: _Subject, start: int, stop: int, limits: ImageLimits) -> Generator[list[Any], None, None]:
    """A row for each record, those that kill the child included."""
    chunk, end = CHUNK, stop
    while start < stop:
        ending = None
        for item in _child(subject, (start, end, chunk, limits.max_pixels, limits.max_bytes)):
            if isinstance(item, str):
                ending = item
                continue
            yield from item
            start += len(item)
        if ending is None:
            chunk, end = CHUNK, stop
        elif chunk > 1:
            chunk, end = 1, min(start + chunk, stop)  # one by one, to learn which record it is
        else:
            where = f"{subject.name}: record {start}"
            yield [*[0] * len(DTYPES), ["DAT40", where, f"kills what decodes it ({ending})"]]
            start, chunk, end = start + 1, CHUNK, stop


def _child(subject: _Subject, numbers: Sequence[int]) -> Iterator[Any]:
    """Lists of rows, then how the child ended, if not well; ``numbers`` are the last arguments it takes."""
    arguments = [subject.kind, str(subject.path.absolute()), *map(str, numbers)]
    command = [sys.executable, "-m", "gluonlab.data.verification.child", *arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment, text=True)
        assert process.stdout is not None
        is_ready = False
        try:
            while True:
                watch = threading.Timer(SECONDS_PER_CHUNK, process.kill)
                watch.start()
                line = process.stdout.readline()
                watch.cancel()
                if not line.endswith("\n"):
                    break
                if is_ready:
                    yield json.loads(line)
                is_ready = True
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        if not is_ready:
            stderr.seek(0)
            message = stderr.read()[-300:].decode(errors="replace")
            raise DataError("DAT40", subject.name, f"the process that verifies it does not start: {message}")
        if code:
            yield signal.Signals(-code).name if code < 0 else f"exit code {code}"


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    lock = cached_path(path).with_suffix(".lock")
    try:
        make_folder(lock.parent)
        file = lock.open("w")
    except OSError:  # no place for a lock; then all do the same work
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
