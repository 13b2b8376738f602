"""A whole source to a record file, in parallel, in its order; goes on where it was interrupted."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Optional, Union

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data.classes import check_class_names
from gluonlab.data.folder import FolderSource
from gluonlab.data.list_file import ListSource
from gluonlab.data.packing.encode import Encoded, Encoding, encode_sample
from gluonlab.data.packing.partial import PartialRecords, named, remove_stale
from gluonlab.data.recordio import pack_image_record, temporary_path
from gluonlab.data.source import ChecksummedSource, EncodedSource, Source, check_labels
from gluonlab.data.verification.index import DTYPES
from gluonlab.disk import make_folder, writing
from gluonlab.errors import ConfigError, DataError, GluonlabError

Progress = Callable[[int, int], None]

MAX_LABEL = 1 << 24  # a record holds its label as float32, exact up to here
_AHEAD = 4  # images in memory for each thread


@dataclass(frozen=True)
class PackReport:
    """What was written: number of records, those of them from an earlier attempt, bytes, seconds.

    ``digests`` are those of the images, in their order; ``warnings`` say what is odd about them.
    """

    records: int
    resumed: int
    bytes: int
    seconds: float
    digests: NDArray[np.uint64]
    warnings: tuple[str, ...] = ()


def pack_source(
    source: Source,
    out_prefix: Union[str, Path],
    *,
    encoding: Encoding,
    quality: int = 95,
    resize: Optional[int] = None,
    threads: Optional[int] = None,
    progress: Optional[Progress] = None,
    class_names: Optional[Sequence[str]] = None,
) -> PackReport:
    """Write ``source`` to record files, in its order; ids are those of a list, else counted from 0.

    "png" is lossless, "jpeg" has ``quality`` 1 to 100, "keep" copies the bytes of the image files after a
    trial decode. ``resize`` is the shorter side in pixels; with it "keep" encodes JPEG as JPEG, the rest as
    PNG. ``progress`` is told (done, total). Nothing stands under a final name until all is written; what an
    interrupted call wrote is taken over if source and options are the same.
    Raises DataError DAT01, DAT06, DAT12, DAT42; ConfigError if the source has no files to keep.
    """
    started = time.perf_counter()
    if len(source) == 0:
        raise DataError("DAT01", source.name, "0 images")
    if encoding == "keep" and not isinstance(source, EncodedSource):
        raise ConfigError("CLI02", source.name, "has no image files to keep", "encode as png or jpeg")
    if class_names:
        check_class_names(class_names, source.name)
    check_labels(source, len(class_names) if class_names else MAX_LABEL)
    prefix = Path(out_prefix)
    make_folder(prefix.parent)
    remove_stale(prefix.parent)
    options = {"encoding": encoding, "quality": quality, "resize": resize}
    encode = partial(encode_sample, source, encoding=encoding, quality=quality, resize=resize)
    ids, warnings = _ids_of(source)
    records = PartialRecords(prefix, {"rows": list(DTYPES), **options, "source": _fingerprint(source)})
    resumed = records.count
    try:
        _write_from(records, source, ids, encode, threads or usable_cores(), progress)
    except GluonlabError:
        records.discard()
        raise
    except BaseException:
        records.close()
        raise
    named(prefix, ".classes.txt").unlink(missing_ok=True)  # of an earlier set, perhaps
    digests = records.commit(ids).records.digests
    if class_names:
        _write_class_names(named(prefix, ".classes.txt"), class_names)
    return PackReport(
        len(source), resumed, records.bytes, time.perf_counter() - started, digests, tuple(warnings)
    )


def _ids_of(source: Source) -> tuple[Sequence[int], Sequence[str]]:
    """The number of each image, and what is odd about the numbers of a list."""
    if not isinstance(source, ListSource):
        return range(len(source)), ()
    return range(len(source)) if source.ids is None else source.ids.tolist(), source.warnings


def usable_cores() -> int:
    """Cores this process may run on, which a container or job may have limited."""
    return len(os.sched_getaffinity(0))


def _write_from(
    records: PartialRecords,
    source: Source,
    ids: Sequence[int],
    encode: Callable[[int], Encoded],
    threads: int,
    progress: Optional[Progress],
) -> None:
    labels = source.labels.tolist()
    first = records.count
    for index, image in enumerate(_in_order(encode, range(first, len(source)), threads), start=first):
        record = pack_image_record(labels[index], ids[index], image.payload)
        records.write(record, labels[index], image)
        if progress:
            progress(index + 1, len(source))


def _in_order(encode: Callable[[int], Encoded], indices: range, threads: int) -> Iterator[Encoded]:
    """``encode`` of each index, in their order, from a pool of threads; a bounded number of results waits."""
    cv2.setNumThreads(0)  # our threads already fill the cores
    pool = ThreadPoolExecutor(threads, thread_name_prefix="gluonlab-pack")
    waiting: deque[Future[Encoded]] = deque()
    try:
        for index in indices:
            waiting.append(pool.submit(encode, index))
            if len(waiting) == _AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _fingerprint(source: Source) -> dict[str, Any]:
    """What tells whether an interrupted packing was of the same images."""
    digest = hashlib.sha256(source.labels.astype("<i8").tobytes())
    if isinstance(source, ListSource) and source.ids is not None:
        digest.update(source.ids.tobytes())
    if isinstance(source, (FolderSource, ListSource)):
        for index in range(len(source)):
            try:
                state = source.path(index).stat()
            except FileNotFoundError:
                raise DataError("DAT01", str(source.path(index)), "no such file") from None
            digest.update(f"{source.path(index)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    elif isinstance(source, ChecksummedSource):
        digest.update(str(source.checksum(0, len(source))).encode())
    return {"name": source.name, "images": len(source), "sha256": digest.hexdigest()}


def _write_class_names(path: Path, class_names: Sequence[str]) -> None:
    temporary = temporary_path(path)
    with writing(path):
        temporary.write_text("".join(f"{name}\n" for name in class_names), "utf-8")
    os.replace(temporary, path)
