"""Models by name: ``create("resnet50_v1b")``. Importing this does not import MXNet."""

from gluonlab.models.options import ModelOptions
from gluonlab.models.registry import ModelEntry, create, entry, list_models

__all__ = ["ModelEntry", "ModelOptions", "create", "entry", "list_models"]
