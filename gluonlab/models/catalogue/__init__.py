"""The table of all models. Nothing here imports MXNet until a net is built, so listing is quick.

Each file holds the rows of some families: name, source, and counts that tests compare with the nets
and with published ones. The networks themselves are in files of `gluonlab.models` of their own.
"""

from gluonlab.models.catalogue import (
    cifar,
    classic,
    convnext,
    gluon_zoo,
    mobile,
    resnet,
    searched,
    transformers,
)
from gluonlab.models.entry import ModelEntry

_FAMILIES = (
    resnet.ENTRIES,
    classic.ENTRIES,
    mobile.ENTRIES,
    searched.ENTRIES,
    convnext.ENTRIES,
    transformers.ENTRIES,
    cifar.ENTRIES,
    gluon_zoo.ENTRIES,
)

MODELS: dict[str, ModelEntry] = {entry.name: entry for entries in _FAMILIES for entry in entries}
