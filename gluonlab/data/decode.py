"""One stored image to pixels: as a whole, or only what a view of it needs."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data import jpeg
from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.views import Image, look
from gluonlab.data.source import EncodedSource, Source
from gluonlab.errors import DataError

MAX_PIXELS = 1 << 27  # a bigger one is an image bomb, not a sample
PNG_START = b"\x89PNG\r\n\x1a\n"


def decode_image(payload: bytes, where: str) -> NDArray[np.uint8]:
    """The image in ``payload``: (height, width, channels) uint8, RGB, or one channel if stored gray.

    A JPEG is always RGB, so that the gray ones among the photographs have the shape of the rest. Alpha is
    dropped, 16 bits are cut to 8, an orientation in EXIF is not applied. Raises DataError DAT06, placed at
    ``where``, if it is no image, is cut short, or has more than ``MAX_PIXELS`` pixels.
    """
    try:
        if payload.startswith(jpeg.START):
            frame = jpeg.read_frame(payload)
            if frame is None:
                raise ValueError("no frame header")
            _check_pixels(frame.height, frame.width, where)
            return jpeg.decode(payload)
        if payload.startswith(PNG_START) and len(payload) >= 24:
            width, height = struct.unpack(">II", payload[16:24])
            _check_pixels(height, width, where)
            _check_chunks(payload)
        is_known = payload.startswith((PNG_START, b"BM")) or payload[:4] + payload[8:12] == b"RIFFWEBP"
        image = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_UNCHANGED) if is_known else None
    except (ValueError, cv2.error) as error:
        raise DataError("DAT06", where, f"cannot be decoded: {error}") from None
    if image is None:
        raise DataError(
            "DAT06", where, f"not a JPEG, PNG, BMP or WebP image, or cut short ({len(payload)} bytes)"
        )
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8:
        raise DataError("DAT06", where, f"pixels of type {image.dtype}")
    return image[:, :, None] if image.ndim == 2 else np.ascontiguousarray(image[:, :, 2::-1])


def _check_pixels(height: int, width: int, where: str) -> None:
    if not 0 < height * width <= MAX_PIXELS:
        raise DataError("DAT06", where, f"{width} x {height} pixels")


def _check_chunks(payload: bytes) -> None:
    """Raises ValueError if a chunk of a PNG is longer than the file: OpenCV would allocate up to 4 GB."""
    at = len(PNG_START)
    while at + 8 <= len(payload) and payload[at + 4 : at + 8] != b"IEND":
        at += 12 + int.from_bytes(payload[at : at + 4], "big")  # length, name, content, checksum
        if at > len(payload):
            raise ValueError("cut short, or a chunk has a wrong length")


def read_view(source: Source, index: int, augmentation: Augmentation, draws: NDArray[np.float64]) -> Image:
    """What ``augmentation`` looks at in image ``index``: (size, size, channels). Raises DataError DAT06."""
    size, _, channels = augmentation.shape
    if isinstance(source, EncodedSource):
        payload = source.encoded(index)
        frame = jpeg.read_frame(payload) if payload.startswith(jpeg.START) else None
        if frame and 0 < frame.height * frame.width <= MAX_PIXELS:
            view = augmentation.view(frame.height, frame.width, draws)
            try:
                image, view = jpeg.decode_view(payload, frame, view, size, source.is_verified)
            except ValueError as error:
                if not jpeg.is_harmless(error):
                    raise DataError("DAT06", source.where(index), f"cannot be decoded: {error}") from None
                image = jpeg.decode(payload)
            return look(image, view, size, channels)
        image = decode_image(payload, source.where(index))
    else:
        image = source.image(index)
    height, width = image.shape[:2]
    return look(image, augmentation.view(height, width, draws), size, channels)
