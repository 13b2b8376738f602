"""One stored image to pixels: as a whole, or only what a view of it needs."""

from __future__ import annotations

import os

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data import jpeg
from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.antialiased import AntialiasedCrop
from gluonlab.data.augment.views import Image, look
from gluonlab.data.image_limits import DEFAULT_LIMITS, PNG_START, ImageLimits, image_size
from gluonlab.data.source import EncodedSource, Source
from gluonlab.errors import DataError

# What OpenCV has against an image is said in a line of ours, not in lines of its source. OpenCV 4 has this at
# the top (from 4.5.2 on), OpenCV 5 in a module of its own.
_set_log_level = getattr(cv2, "setLogLevel", None) or getattr(
    getattr(cv2.utils, "logging", None), "setLogLevel", None
)
if "OPENCV_LOG_LEVEL" not in os.environ and _set_log_level is not None:
    _set_log_level(0)

# What OpenCV decodes unless its variables say otherwise: CV_IO_MAX_IMAGE_WIDTH, _HEIGHT, _PIXELS.
OPENCV_SIDE, OPENCV_PIXELS = 1 << 20, 1 << 30


def decode_image(payload: bytes, where: str, limits: ImageLimits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """The image in ``payload``: (height, width, channels) uint8, RGB, or one channel if stored gray.

    A JPEG is always RGB, so that the gray ones among the photographs have the shape of the rest. Alpha is
    dropped, 16 bits are cut to 8, an orientation in EXIF is not applied. Raises DataError, placed at
    ``where``: DAT06 if it is no image or is cut short, DAT07 if it has more pixels than ``limits`` allow.
    """
    try:
        size = image_size(payload)
        if size and min(size) <= 0:
            raise ValueError(f"{size[1]} x {size[0]} pixels")
        if size:
            limits.check_pixels(*size, where)
        if payload.startswith(jpeg.START):
            return jpeg.decode(payload)
        if size:
            _check_opencv_takes(*size)
        if payload.startswith(PNG_START):
            _check_chunks(payload)
        image = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_UNCHANGED) if size else None
    except ValueError as error:
        raise DataError("DAT06", where, f"cannot be decoded: {error}") from None
    except cv2.error as error:
        raise DataError("DAT06", where, f"OpenCV cannot decode it ({error.func})") from None
    if image is None:
        raise DataError(
            "DAT06", where, f"not a JPEG, PNG, BMP or WebP image, or cut short ({len(payload)} bytes)"
        )
    if image.dtype not in (np.uint8, np.uint16):
        raise DataError("DAT06", where, f"pixels of type {image.dtype}")
    return _as_rgb(image if image.dtype == np.uint8 else _high_bytes(image))


def _check_opencv_takes(height: int, width: int) -> None:
    """Raises ValueError for what OpenCV would refuse with lines of its source, whatever max_pixels allows."""
    if max(height, width) > OPENCV_SIDE or height * width > OPENCV_PIXELS:
        raise ValueError(
            f"{width} x {height} pixels, OpenCV takes {OPENCV_SIDE:,} a side and {OPENCV_PIXELS:,} in all"
        )


def _as_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What OpenCV has decoded, BGR, with alpha or gray, as RGB or gray; in the same memory where it fits."""
    if image.ndim == 2:
        return image[:, :, None]
    if image.shape[2] == 3:
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, image)
        return image
    without_alpha: NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGRA2RGB)
    return without_alpha


def _high_bytes(image: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16 bits cut to 8, row by row: shifting all at once would need a second large image."""
    cut = np.empty(image.shape, np.uint8)
    for source, target in zip(image, cut):
        np.right_shift(source, 8, out=target, casting="unsafe")
    return cut


def _check_chunks(payload: bytes) -> None:
    """Raises ValueError if a chunk of a PNG is longer than the file: OpenCV would allocate up to 4 GB."""
    at = len(PNG_START)
    while at + 8 <= len(payload) and payload[at + 4 : at + 8] != b"IEND":
        at += 12 + int.from_bytes(payload[at : at + 4], "big")  # length, name, content, checksum
        if at > len(payload):
            raise ValueError("cut short, or a chunk has a wrong length")


def read_view(source: Source, index: int, augmentation: Augmentation, draws: NDArray[np.float64]) -> Image:
    """What ``augmentation`` looks at in image ``index``: (size, size, channels). DataError DAT06, DAT07."""
    size, _, channels = augmentation.shape
    if isinstance(augmentation.framing, AntialiasedCrop):
        return augmentation.framing.show(source.image(index), channels)
    if isinstance(source, EncodedSource):
        payload = source.encoded(index)
        frame = jpeg.read_frame(payload) if payload.startswith(jpeg.START) else None
        if frame and frame.height * frame.width:
            source.limits.check_pixels(frame.height, frame.width, source.where(index))
            view = augmentation.view(frame.height, frame.width, draws)
            try:
                image, view = jpeg.decode_view(payload, frame, view, size, source.is_verified)
            except ValueError as error:
                if not jpeg.is_harmless(error):
                    raise DataError("DAT06", source.where(index), f"cannot be decoded: {error}") from None
                image = jpeg.decode(payload)
            return look(image, view, size, channels)
        image = decode_image(payload, source.where(index), source.limits)
    else:
        image = source.image(index)
    height, width = image.shape[:2]
    return look(image, augmentation.view(height, width, draws), size, channels)
