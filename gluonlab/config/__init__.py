"""Configuration: the schema, reading recipes, and the reference made from the schema."""

from gluonlab.config.load import load_config
from gluonlab.config.schema import Config

__all__ = ["Config", "load_config"]
