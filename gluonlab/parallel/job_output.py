"""The output of a launched job: what its processes say reaches the user, what the engine adds does not."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Literal, TextIO

Backend = Literal["mpi", "gloo", "kvstore"]

_RULER = re.compile(r"^-{40,}$")
_MPI_WORDS = re.compile(r"prterun|prted|mpirun|PRTE|Open MPI")
_RANK_PREFIX = re.compile(r"^\[\d+\]<std(?:out|err)>: ?")


def show_output(job: subprocess.Popen[str], backend: Backend, stream: TextIO) -> str:
    """Pass on what the processes of ``job`` say until they end; returns what the engine itself said."""
    engine_words: list[str] = []
    assert job.stderr is not None, "it was asked for"
    if backend != "gloo":
        _copy(without_banners(job.stderr, engine_words), sys.stderr)
        return " ".join(engine_words)
    assert job.stdout is not None, "it was asked for"
    reader = threading.Thread(target=_copy, args=(without_prefixes(job.stdout, engine_words), stream))
    reader.start()
    _copy(without_prefixes(job.stderr, engine_words), sys.stderr)
    reader.join()
    return " ".join(engine_words)


def without_banners(lines: Iterable[str], engine_words: list[str]) -> Iterator[str]:
    """Drop what MPI says between two rulers, where it blames the rank that ended first; keep other text."""
    held: list[str] = []
    for line in lines:
        is_ruler = bool(_RULER.match(line.rstrip()))
        if not is_ruler and not held:
            yield line
            continue
        held.append(line)
        if is_ruler and len(held) > 1:
            yield from _unless_of_engine(held, engine_words)
            held = []
    yield from _unless_of_engine(held, engine_words)


def without_prefixes(lines: Iterable[str], engine_words: list[str]) -> Iterator[str]:
    """The lines of the processes without Gloo's ``[rank]<stdout>:``; others are the engine's own."""
    for line in lines:
        if _RANK_PREFIX.match(line):
            yield _RANK_PREFIX.sub("", line)
        else:
            engine_words.append(line.strip())


def _unless_of_engine(held: list[str], engine_words: list[str]) -> Iterator[str]:
    if any(_MPI_WORDS.search(line) for line in held):
        engine_words += [line.strip() for line in held if not _RULER.match(line.rstrip())]
    else:
        yield from held


def _copy(lines: Iterable[str], target: TextIO) -> None:
    for line in lines:
        target.write(line)
        target.flush()
