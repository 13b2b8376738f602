"""Configuration: the schema, reading recipes, and the reference made from the schema.

Both names are imported when first used: a list of recipes needs neither the schema nor pydantic.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gluonlab.config.load import load_config
    from gluonlab.config.schema import Config

__all__ = ["Config", "load_config"]

_PLACES = {"Config": "gluonlab.config.schema", "load_config": "gluonlab.config.load"}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'gluonlab.config' has no attribute {name!r}")
