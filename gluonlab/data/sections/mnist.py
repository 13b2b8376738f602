"""MNIST and Fashion-MNIST."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from gluonlab.data.published import Publication, RemoteFile, Sizes
from gluonlab.data.sections.base import Split
from gluonlab.data.sections.published import FetchedSection

if TYPE_CHECKING:
    from gluonlab.data.source import ArraySource


class MnistSection(FetchedSection):
    """MNIST (LeCun et al. 1998)."""

    sizes: ClassVar[Sizes] = Sizes(60_000, 10_000)
    publication: ClassVar[Publication] = Publication(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",  # the authors' page has no files any more
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        "http://yann.lecun.com/exdb/mnist/",
    )

    name: Literal["mnist"] = "mnist"

    @classmethod
    def load(cls, path: Optional[str], split: Split) -> ArraySource:
        """A split of the folder ``path``."""
        from gluonlab.data.mnist import load_mnist

        return load_mnist(str(path), split)


class FashionMnistSection(FetchedSection):
    """Fashion-MNIST (Xiao et al. 2017)."""

    sizes: ClassVar[Sizes] = Sizes(60_000, 10_000)
    publication: ClassVar[Publication] = Publication(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        "https://github.com/zalandoresearch/fashion-mnist",
    )

    name: Literal["fashion_mnist"] = "fashion_mnist"

    @classmethod
    def load(cls, path: Optional[str], split: Split) -> ArraySource:
        """A split of the folder ``path``."""
        from gluonlab.data.mnist import load_fashion_mnist

        return load_fashion_mnist(str(path), split)
