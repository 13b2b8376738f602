"""Checkpoints: complete or absent, verified before use, never pickled."""

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.verify import Checkpoint

__all__ = ["Checkpoint", "CheckpointStore"]
