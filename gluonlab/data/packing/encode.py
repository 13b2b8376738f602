"""One image to the bytes that stand for it in a record."""

from __future__ import annotations

from typing import Literal, NamedTuple, Optional

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gluonlab.data import jpeg
from gluonlab.data.decode import decode_image
from gluonlab.data.source import EncodedSource, Source
from gluonlab.errors import DataError

Encoding = Literal["png", "jpeg", "keep"]


class Encoded(NamedTuple):
    """An image file, and the size of its image in pixels."""

    payload: bytes
    height: int
    width: int


def encode_sample(
    source: Source, index: int, *, encoding: Encoding, quality: int, resize: Optional[int]
) -> Encoded:
    """Image ``index`` of ``source`` as it goes into its record. Raises DataError DAT06, DAT07."""
    where = source.where(index)
    if encoding == "keep" and isinstance(source, EncodedSource):
        original = source.encoded(index)
        image = decode_image(
            original, where, source.limits
        )  # a damaged file stops the packing, not the training
        if resize is None:
            return Encoded(original, *image.shape[:2])
        encoding = "jpeg" if original.startswith(jpeg.START) else "png"
    else:
        image = source.image(index)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise DataError("DAT06", where, f"{image.dtype} {image.shape} is not an image of bytes, gray or RGB")
    if resize is not None:
        image = resize_shorter_side(image, resize)
    payload = encode_jpeg(image, quality) if encoding == "jpeg" else encode_png(image)
    return Encoded(payload, *image.shape[:2])


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
