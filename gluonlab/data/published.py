"""What is known of a data set by its name: how large it is, and where its files are published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Sizes(NamedTuple):
    """Images of training and of validation."""

    train: int
    val: int


@dataclass(frozen=True)
class RemoteFile:
    """A file, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Publication:
    """Where a data set is published: files below ``address``; archives are unpacked."""

    address: str
    files: tuple[RemoteFile, ...]
    homepage: str
