"""JPEG without the work that a view does not need: fewer rows, a smaller scale.

Rows below a view are left out by writing a smaller height into the frame header (ITU-T T.81, B.2.2), which
changes no bit of the rows that remain. The scale is 1/2, 1/4 or 1/8, done in the inverse DCT; other scales
take longer than none.
"""

from __future__ import annotations

import struct
import threading
from typing import NamedTuple, Optional, Union

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gluonlab.data.augment.views import View

START = b"\xff\xd8\xff"
_BASELINE = (0xC0, 0xC1)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_ROWS = 16  # of the largest block of samples that is coded together
_scratch = threading.local()


class Frame(NamedTuple):
    """What the header of a JPEG says; ``height_at`` is the byte where it says the height."""

    height: int
    width: int
    height_at: int
    is_cuttable: bool  # sequential and in one scan, so that the rows come from top to bottom


def read_frame(payload: bytes) -> Optional[Frame]:
    """The frame header of a JPEG, and whether one scan follows; None where it is damaged."""
    frame, components, at = None, 0, 2
    while at + 4 <= len(payload):
        mark, kind = payload[at], payload[at + 1]
        if mark != 0xFF:
            return None
        if kind == 0xFF:  # fill byte
            at += 1
            continue
        length = int.from_bytes(payload[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(payload):
            return None
        if kind in _FRAMES and length >= 8:
            height, width, components = struct.unpack_from(">HHB", payload, at + 5)
            frame = Frame(height, width, at + 5, kind in _BASELINE)
        elif kind == _SCAN:
            is_one_scan = length > 2 and payload[at + 4] == components
            return frame._replace(is_cuttable=frame.is_cuttable and is_one_scan) if frame else None
        at += 2 + length
    return None


def decode(payload: bytes) -> NDArray[np.uint8]:
    """All pixels: (height, width, 3) RGB. Raises ValueError if it is damaged or cut short."""
    try:
        return simplejpeg.decode_jpeg(payload, "RGB")  # type: ignore[no-any-return]
    except ValueError as error:
        if not is_harmless(error):
            raise
        return simplejpeg.decode_jpeg(payload, "RGB", strict=False)  # type: ignore[no-any-return]


def is_harmless(error: ValueError) -> bool:
    """Whether ``error`` tells of rubbish after the last pixel, as some images of ImageNet have it."""
    return "extraneous bytes before marker 0xd9" in str(error)


def decode_view(
    payload: Union[bytes, bytearray], frame: Frame, view: View, size: int, is_verified: bool
) -> tuple[NDArray[np.uint8], View]:
    """Enough pixels to resize ``view`` to ``size`` x ``size``, and where in them the view lies.

    What ``is_verified`` was decoded as a whole before, so that damage need not be looked for again. The
    pixels are this thread's scratch memory, valid until its next call. Raises ValueError.
    """
    factor = 1
    while factor < 8 and min(view.height, view.width) >= 2 * factor * size:
        factor *= 2
    height = frame.height
    if is_verified and frame.is_cuttable:
        bottom = view.top + view.height + 2 * factor  # upsampled colours look at the next row
        cut = min(height, -(-bottom // _ROWS) * _ROWS)
        if cut < height:
            payload, height = bytearray(payload), cut
            struct.pack_into(">H", payload, frame.height_at, cut)
    pixels = simplejpeg.decode_jpeg(
        payload,
        "RGB",
        min_factor=factor,
        min_height=-(-height // factor),
        min_width=-(-frame.width // factor),
        buffer=_scratch_bytes(3 * height * frame.width),
        strict=not is_verified,
    )
    return pixels, view.shrunk(factor) if factor > 1 else view


def _scratch_bytes(size: int) -> NDArray[np.uint8]:
    """Memory of this thread, used again and again: fresh pages cost as much as a sixth of the decoding."""
    memory: Optional[NDArray[np.uint8]] = getattr(_scratch, "memory", None)
    if memory is None or memory.size < size:
        memory = _scratch.memory = np.empty(size, np.uint8)
    return memory
