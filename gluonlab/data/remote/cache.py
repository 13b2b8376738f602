"""The bounded cache of remote files: fetched ahead, tried again, taken only whole; the oldest make room."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from gluonlab.data.remote.addresses import (
    PAUSES,
    RemoteFile,
    file_system,
    given_up,
    refusal,
    said_by,
    shown,
)
from gluonlab.data.verification.index import cache_folder
from gluonlab.disk import make_folder, reading, writing
from gluonlab.errors import DataError

FETCHED_AT_ONCE = 4
STALL_SECONDS = 30.0
"""A fetch that receives nothing for so long is given up, and tried again."""
_LOOK_SECONDS = 0.05
_NOTE = ".remote.json"


def remote_folder() -> Path:
    """Where remote files are kept."""
    return cache_folder().parent / "remote"


def local_path(file: RemoteFile) -> Path:
    """The place of ``file`` in the cache, beside the others of its folder."""
    folder, _, name = shown(file.address).rpartition("/")
    return remote_folder() / hashlib.sha256(folder.encode()).hexdigest()[:16] / name


def fetched(files: Sequence[RemoteFile], keep: Sequence[RemoteFile], bound: int) -> Iterator[Path]:
    """The local copy of each of ``files`` in their order, each once it is there, while further ones come.

    ``keep`` are all files that must be there together, within ``bound`` bytes; others make room.

    Raises:
        DataError: DAT46 one cannot be fetched, DAT47 there is no room.
    """
    _make_room(keep, bound)
    pool = ThreadPoolExecutor(FETCHED_AT_ONCE, thread_name_prefix="gluonlab-fetch")
    try:
        for place in [pool.submit(fetch, file) for file in files]:
            yield place.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def fetch(file: RemoteFile) -> Path:
    """The local copy of ``file``; fetched if it is not there, or there is a newer version.

    Raises:
        DataError: DAT01 it is gone, DAT46 it cannot be fetched.
    """
    target = local_path(file)
    make_folder(target.parent)
    with _one_at_a_time(target):
        if not _is_there(file, target):
            _note(target).unlink(missing_ok=True)
            _receive(file, target)
            with writing(_note(target)):
                said = {"address": shown(file.address), "size": file.size, "version": file.version}
                _note(target).write_text(json.dumps(said))
        os.utime(_note(target))  # the order of use
    return target


def _is_there(file: RemoteFile, target: Path) -> bool:
    try:
        with reading(_note(target)):
            said = json.loads(_note(target).read_text())
        return bool(target.stat().st_size == said["size"] == file.size and said["version"] == file.version)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _receive(file: RemoteFile, target: Path) -> None:
    """Fetch ``file`` as a whole, with pauses between attempts that fail."""
    for stale in target.parent.glob(f".{target.name}.[0-9]*"):  # of a process that died
        stale.unlink(missing_ok=True)
    for attempt, pause in enumerate((*PAUSES, None)):
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{attempt}")
        try:
            what = _attempt(file, temporary)
            if what is None:
                os.replace(temporary, target)
                return
        finally:
            temporary.unlink(missing_ok=True)
        if pause is None:
            raise given_up(file.address, what)
        time.sleep(pause)


def _attempt(file: RemoteFile, temporary: Path) -> str | None:
    """Fetch ``file`` into ``temporary``; what went wrong and may pass, or None.

    It goes on in a thread of its own, because nothing else ends a read that waits for a server for ever.
    """
    ended: list[BaseException | None] = []
    is_given_up = threading.Event()

    def get() -> None:
        try:
            file_system(file.address).get_file(file.address, str(temporary))
            ended.append(None)
        except BaseException as error:  # told by the thread that waits
            ended.append(error)
        if is_given_up.is_set():
            temporary.unlink(missing_ok=True)

    thread = threading.Thread(target=get, daemon=True, name="gluonlab-fetch")
    thread.start()
    size, since = 0, time.monotonic()
    while thread.is_alive():
        thread.join(_LOOK_SECONDS)
        now = temporary.stat().st_size if temporary.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > STALL_SECONDS:
            is_given_up.set()
            return f"nothing came for {STALL_SECONDS:g} s, after {size:,} of {file.size:,} bytes"
    (error,) = ended
    if error is not None:
        refused = refusal(error, file.address)
        if refused:
            raise refused from None
        if isinstance(error, OSError) and error.errno is not None and error.filename == str(temporary):
            raise error
        return said_by(error)
    size = temporary.stat().st_size
    return None if size == file.size else f"{size:,} bytes came, {file.size:,} were announced"


def _make_room(keep: Sequence[RemoteFile], bound: int) -> None:
    """Remove the files that were not used for longest until ``keep`` fit; raises DataError DAT47."""
    base = remote_folder()
    make_folder(base)
    places = {local_path(file): file for file in keep}
    needed = sum(file.size for file in keep)
    where = f"{len(keep)} files such as {shown(keep[0].address)}"
    if needed > bound:
        hint = "raise data.cache_gigabytes, or pack them on another machine"
        raise DataError("DAT47", where, f"{needed / 1e9:.3g} GB, the cache may hold {bound / 1e9:.3g}", hint)
    others = [note for note in base.glob(f"*/*{_NOTE}") if _data_of(note) not in places]
    used = needed + sum(_size_of(_data_of(note)) for note in others)
    missing = sum(file.size - _size_of(place) for place, file in places.items())
    free = shutil.disk_usage(base).free
    for note in sorted(others, key=lambda note: note.stat().st_mtime_ns):
        if used <= bound and missing <= free:
            return
        size = _size_of(_data_of(note))
        note.unlink(missing_ok=True)
        _data_of(note).unlink(missing_ok=True)
        used, free = used - size, free + size
    if missing > free:
        hint = f"make room in {base}, or set XDG_CACHE_HOME to another disk"
        raise DataError(
            "DAT47", where, f"{missing / 1e9:.3g} GB are missing, {free / 1e9:.3g} are free", hint
        )


def _note(target: Path) -> Path:
    return target.with_name(target.name + _NOTE)


def _data_of(note: Path) -> Path:
    return note.with_name(note.name[: -len(_NOTE)])


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _one_at_a_time(target: Path) -> Iterator[None]:
    """Processes of one machine that want the same file wait for the first."""
    place = target.with_name(f".{target.name}.lock")
    with writing(place), place.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
