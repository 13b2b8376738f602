"""Models by name: ``create("resnet50_v1b")``. Importing this does not import MXNet."""

from gluonlab.models.entry import ModelEntry, Preprocessing
from gluonlab.models.options import ModelOptions
from gluonlab.models.registry import create, entry, list_models

__all__ = ["ModelEntry", "ModelOptions", "Preprocessing", "create", "entry", "list_models"]
