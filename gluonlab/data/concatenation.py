"""Several files of images as one source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.image_limits import ImageLimits
from gluonlab.data.source import checksum_of

Number = TypeVar("Number", bound=np.generic)


class FileSource(Protocol):
    """What can be joined: images of one file or folder, with what its verification found of each."""

    name: str
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    is_verified: bool
    limits: ImageLimits
    crcs: Optional[NDArray[np.uint32]]
    digests: Optional[NDArray[np.uint64]]
    warnings: Sequence[str]

    def __len__(self) -> int:
        """Number of images N."""

    def encoded(self, index: int) -> bytes:
        """The stored bytes of image ``index``."""

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels)."""

    def where(self, index: int) -> str:
        """Where image ``index`` lies."""


class Concatenation:
    """The images of ``sources`` (at least one), one after another; their classes are numbered alike."""

    def __init__(self, sources: Sequence[FileSource]) -> None:
        self._sources = tuple(sources)
        self._ends = np.cumsum([len(source) for source in sources])
        self.name = f"{sources[0].name} and {len(sources) - 1} more"
        self.labels: NDArray[np.int64] = np.concatenate([source.labels for source in sources])
        self.classes = sources[0].classes
        self.is_verified = all(source.is_verified for source in sources)
        self.limits = sources[0].limits
        self.crcs = _joined([source.crcs for source in sources])
        self.digests = _joined([source.digests for source in sources])
        self.warnings: Sequence[str] = [line for source in sources for line in source.warnings]

    def __len__(self) -> int:
        return len(self.labels)

    def encoded(self, index: int) -> bytes:
        """The stored bytes of image ``index``."""
        source, place = self._find(index)
        return source.encoded(place)

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels)."""
        source, place = self._find(index)
        return source.image(place)

    def checksum(self, start: int, stop: int) -> Optional[int]:
        """A CRC-32 over those that the verification found for these images."""
        return checksum_of(self.crcs, start, stop)

    def where(self, index: int) -> str:
        """File, and number in it."""
        source, place = self._find(index)
        return source.where(place)

    def _find(self, index: int) -> tuple[FileSource, int]:
        number = int(np.searchsorted(self._ends, index, side="right"))
        source = self._sources[number]
        return source, index - int(self._ends[number]) + len(source)


def _joined(arrays: Sequence[Optional[NDArray[Number]]]) -> Optional[NDArray[Number]]:
    known = [array for array in arrays if array is not None]
    return np.concatenate(known) if len(known) == len(arrays) else None
