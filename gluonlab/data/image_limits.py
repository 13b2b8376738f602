"""How large an image may be, in pixels and in bytes, and how many pixels one has: asked before it is decoded.

A few hundred kilobytes of PNG or WebP can unpack to gigabytes, in every process that reads them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from gluonlab.data import jpeg
from gluonlab.disk import reading
from gluonlab.errors import DataError

PNG_START = b"\x89PNG\r\n\x1a\n"
TOO_LARGE = "DAT07"
"""The code of the error; of all that may be wrong with an image, only this hangs on settings."""
MEND = "raise data.max_pixels, data.max_bytes (or --max-pixels, --max-bytes) if it is meant to be so large"


@dataclass(frozen=True)
class ImageLimits:
    """Largest number of pixels of an image, largest number of bytes of its file or record."""

    max_pixels: int = 40_000_000
    max_bytes: int = 100_000_000

    def refuse_pixels(self, height: int, width: int) -> Optional[str]:
        """What is wrong with an image of ``height`` x ``width``, if that is too much."""
        if height * width <= self.max_pixels:
            return None
        return f"{width} x {height} = {height * width:,} pixels, max_pixels is {self.max_pixels:,}"

    def refuse_bytes(self, size: int) -> Optional[str]:
        """What is wrong with a file or record of ``size`` bytes, if that is too much."""
        return f"{size:,} bytes, max_bytes is {self.max_bytes:,}" if size > self.max_bytes else None

    def check_pixels(self, height: int, width: int, where: str) -> None:
        """Raises DataError DAT07, placed at ``where``."""
        _raise(self.refuse_pixels(height, width), where)

    def check_bytes(self, size: int, where: str) -> None:
        """Raises DataError DAT07, placed at ``where``."""
        _raise(self.refuse_bytes(size), where)

    def read_file(self, path: Path, where: str) -> bytes:
        """The content of ``path``, whose size is looked at first. DataError DAT07, OSError."""
        self.check_bytes(path.stat().st_size, where)
        with reading(path):
            return path.read_bytes()


DEFAULT_LIMITS = ImageLimits()


def _raise(what: Optional[str], where: str) -> None:
    if what:
        raise DataError(TOO_LARGE, where, what, MEND)


def image_size(payload: bytes) -> Optional[tuple[int, int]]:
    """Height and width that the header of a JPEG, PNG, BMP or WebP says; None if it is none of them.

    Raises ValueError if the header is damaged.
    """
    try:
        if payload.startswith(jpeg.START):
            frame = jpeg.read_frame(payload)
            if frame is None:
                raise ValueError("no frame header")
            return frame.height, frame.width
        if payload.startswith(PNG_START):
            name, width, height = struct.unpack_from(">4sII", payload, 12)
            if name != b"IHDR":
                raise ValueError("no frame header")
        elif payload.startswith(b"BM"):
            height, width = _bitmap_size(payload)
        elif payload[:4] + payload[8:12] == b"RIFFWEBP":
            height, width = _webp_size(payload)
        else:
            return None
    except struct.error:
        raise ValueError("cut short in its header") from None
    return height, width


def _bitmap_size(payload: bytes) -> tuple[int, int]:
    """BITMAPCOREHEADER has 16-bit sizes; in all later ones a negative height counts from the top."""
    (header,) = struct.unpack_from("<I", payload, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", payload, 18)
    return abs(height), width


def _webp_size(payload: bytes) -> tuple[int, int]:
    """RFC 9649: the canvas of the extended form, or the frame of the lossy or the lossless one."""
    kind = payload[12:16]
    if kind == b"VP8X":
        width_bytes, height_bytes = struct.unpack_from("3s3s", payload, 24)
        return int.from_bytes(height_bytes, "little") + 1, int.from_bytes(width_bytes, "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", payload, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", payload, 26)
        return height & 0x3FFF, width & 0x3FFF
    raise ValueError("no frame header")
