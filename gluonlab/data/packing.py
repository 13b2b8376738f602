"""Any source as a record file: ``<prefix>.rec``, ``<prefix>.idx`` and ``<prefix>.classes.txt``."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Optional, Union

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gluonlab.data import jpeg
from gluonlab.data.decode import decode_image
from gluonlab.data.recordio import RecordWriter, pack_image_record, temporary_path
from gluonlab.data.source import EncodedSource, Source, check_labels
from gluonlab.errors import ConfigError, DataError

Encoding = Literal["png", "jpeg", "keep"]
Progress = Callable[[int, int], None]

MAX_LABEL = 1 << 24  # a record holds its label as float32, exact up to here
_AHEAD = 4  # images in memory for each thread


@dataclass(frozen=True)
class PackReport:
    """What was written: number of records, bytes of the ``.rec`` file, seconds it took."""

    records: int
    bytes: int
    seconds: float


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
    """Write ``source`` to record files, in its order: record i has id i and is image i.

    "png" is lossless, "jpeg" has ``quality`` 1 to 100, "keep" copies the bytes of the image files after a
    trial decode. ``resize`` is the shorter side in pixels; with it "keep" encodes JPEG as JPEG, the rest as
    PNG. ``progress`` is told (done, total). Nothing stands under a final name until all is written.
    Raises DataError DAT01, DAT06, DAT12; ConfigError if the source has no files to keep.
    """
    started = time.perf_counter()
    if len(source) == 0:
        raise DataError("DAT01", source.name, "0 images")
    if encoding == "keep" and not isinstance(source, EncodedSource):
        raise ConfigError("CLI02", source.name, "has no image files to keep", "encode as png or jpeg")
    check_labels(source, len(class_names) if class_names else MAX_LABEL)
    prefix = Path(out_prefix)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    encode = partial(encode_sample, source, encoding=encoding, quality=quality, resize=resize)
    labels = source.labels.tolist()
    with RecordWriter(_named(prefix, ".rec"), _named(prefix, ".idx")) as writer:
        for index, payload in enumerate(_in_order(encode, len(source), threads or usable_cores())):
            writer.write(pack_image_record(labels[index], index, payload))
            if progress:
                progress(index + 1, len(source))
        _named(prefix, ".classes.txt").unlink(missing_ok=True)  # of an earlier set, perhaps
    if class_names:
        _write_class_names(_named(prefix, ".classes.txt"), class_names)
    return PackReport(len(source), writer.bytes, time.perf_counter() - started)


def encode_sample(
    source: Source, index: int, *, encoding: Encoding, quality: int, resize: Optional[int]
) -> bytes:
    """Image ``index`` of ``source`` as the bytes that go into its record."""
    where = source.where(index)
    if encoding == "keep" and isinstance(source, EncodedSource):
        original = source.encoded(index)
        image = decode_image(original, where)  # a damaged file stops the packing, not the training
        if resize is None:
            return original
        encoding = "jpeg" if original.startswith(jpeg.START) else "png"
    else:
        image = source.image(index)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise DataError("DAT06", where, f"{image.dtype} {image.shape} is not an image of bytes, gray or RGB")
    if resize is not None:
        image = resize_shorter_side(image, resize)
    return encode_jpeg(image, quality) if encoding == "jpeg" else encode_png(image)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """(height, width, 1 or 3) as PNG, lossless."""
    _, encoded = cv2.imencode(".png", image[:, :, ::-1])  # OpenCV wants BGR
    return encoded.tobytes()


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """(height, width, 1 or 3) as JPEG, colour at half resolution as in most photographs."""
    is_gray = image.shape[2] == 1
    space, sampling = ("GRAY", "Gray") if is_gray else ("RGB", "420")
    pixels = np.ascontiguousarray(image)
    return simplejpeg.encode_jpeg(pixels, quality, space, sampling)  # type: ignore[no-any-return]


def resize_shorter_side(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """``image`` scaled so that its shorter side has ``side`` pixels: (height, width, channels)."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = max(side, round(width * scale)), max(side, round(height * scale))
    if size == (width, height):
        return image
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return resized.reshape(size[1], size[0], -1)  # type: ignore[no-any-return]


def usable_cores() -> int:
    """Cores this process may run on, which a container or job may have limited."""
    return len(os.sched_getaffinity(0))


def _in_order(encode: Callable[[int], bytes], count: int, threads: int) -> Iterator[bytes]:
    """``encode(0), encode(1), ...`` from a pool of threads, with a bounded number of results waiting."""
    cv2.setNumThreads(0)  # our threads already fill the cores
    pool = ThreadPoolExecutor(threads, thread_name_prefix="gluonlab-pack")
    waiting: deque[Future[bytes]] = deque()
    try:
        for index in range(count):
            waiting.append(pool.submit(encode, index))
            if len(waiting) == _AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _write_class_names(path: Path, class_names: Sequence[str]) -> None:
    temporary = temporary_path(path)
    temporary.write_text("".join(f"{name}\n" for name in class_names), "utf-8")
    os.replace(temporary, path)


def _named(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(prefix.name + suffix)
