"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from gluonlab.data.published import Publication, RemoteFile, Sizes
from gluonlab.data.sections.base import Split
from gluonlab.data.sections.published import FetchedSection

if TYPE_CHECKING:
    from gluonlab.data.source import ArraySource

_ADDRESS = "https://www.cs.toronto.edu/~kriz/"


class Cifar10Section(FetchedSection):
    """CIFAR-10 (Krizhevsky 2009)."""

    sizes: ClassVar[Sizes] = Sizes(50_000, 10_000)
    recipe: ClassVar[Optional[str]] = "recipe:cifar10/resnet20"
    publication: ClassVar[Publication] = Publication(
        _ADDRESS,
        (
            RemoteFile(
                "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        _ADDRESS + "cifar.html",
    )

    name: Literal["cifar10"] = "cifar10"

    @classmethod
    def load(cls, path: Optional[str], split: Split) -> ArraySource:
        """A split of the folder or archive ``path``."""
        from gluonlab.data.cifar import load_cifar10

        return load_cifar10(str(path), split)


class Cifar100Section(FetchedSection):
    """CIFAR-100, with its 100 fine labels."""

    sizes: ClassVar[Sizes] = Sizes(50_000, 10_000)
    publication: ClassVar[Publication] = Publication(
        _ADDRESS,
        (
            RemoteFile(
                "cifar-100-binary.tar.gz",
                168_513_733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            ),
        ),
        _ADDRESS + "cifar.html",
    )

    name: Literal["cifar100"] = "cifar100"

    @classmethod
    def load(cls, path: Optional[str], split: Split) -> ArraySource:
        """A split of the folder or archive ``path``."""
        from gluonlab.data.cifar import load_cifar100

        return load_cifar100(str(path), split)
