"""A run, a checkpoint or a model folder to a network that is ready for use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from gluonlab import models
from gluonlab.build.class_names import names_in_checkpoint
from gluonlab.build.image_model import ImageModel
from gluonlab.build.network import build_network
from gluonlab.build.run_directory import find_checkpoint, load_run_config
from gluonlab.models.class_names import imagenet_classes
from gluonlab.models.entry import Preprocessing
from gluonlab.models.pretrained import load_weights
from gluonlab.runtime.mxnet import gluon
from gluonlab.weights.model_folder import FACTS_FILE, read_model_folder
from gluonlab.weights.store import find_weights
from gluonlab.weights.which import Which


@dataclass(frozen=True)
class OpenedModel(ImageModel):
    """A network with weights, on the CPU, and what its images and classes are."""

    net: gluon.HybridBlock


def open_model(target: Path, which: Optional[Which] = None) -> OpenedModel:
    """The network of a model folder, ``store:NAME``, a checkpoint, or a run's newest checkpoint.

    ``which`` of the weights, without it the average if the run averages them.

    Raises:
        CheckpointError: there is none, it is damaged, or it does not fit; CKP49 it has no such weights.
    """
    target = find_weights(target)
    if (target / FACTS_FILE).is_file():
        return _open_folder(target, which)
    checkpoint = find_checkpoint(target.resolve())
    config = load_run_config(checkpoint.path.parent.parent)
    net = build_network(config)
    net.initialize()
    load_weights(net, checkpoint.path, which=which)
    data = config.data
    preprocessing = Preprocessing(
        tuple(data.mean), tuple(data.std), data.resize, data.val_size, data.interpolation
    )
    names = names_in_checkpoint(checkpoint, data)
    return OpenedModel(config.model.name, data.channels, preprocessing, names, net)


def _open_folder(folder: Path, which: Optional[Which]) -> OpenedModel:
    facts = read_model_folder(folder)
    entry = models.entry(facts.model)
    net = models.create(facts.model, classes=facts.classes, pretrained=folder, weights=which)
    names: Optional[tuple[str, ...]] = tuple(facts.class_names or ())
    if not names and facts.classes == entry.classes == len(imagenet_classes()):
        names = imagenet_classes()
    preprocessing = facts.preprocessing or entry.preprocessing
    return OpenedModel(facts.model, entry.input_shape[0], preprocessing, names or (), net)
