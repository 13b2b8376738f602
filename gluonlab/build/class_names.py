"""What the outputs of a trained network are called."""

from __future__ import annotations

from gluonlab.build.data import open_split
from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.data.classes import classes_of
from gluonlab.data.sections.base import DataSection
from gluonlab.errors import GluonlabError


def names_in_checkpoint(checkpoint: Checkpoint, data: DataSection) -> tuple[str, ...]:
    """The classes that ``checkpoint`` was trained with, in the order of the logits; () where nobody knows.

    Checkpoints of older versions do not tell them; then the training set of ``data`` does, if it is at hand.
    """
    saved = checkpoint.state.get("identity", {}).get("data", {}).get("class_names")
    if isinstance(saved, list):
        return tuple(map(str, saved))
    try:
        return classes_of(open_split(data, "train"))
    except GluonlabError:
        return ()
