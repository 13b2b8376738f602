"""Checkpoints: complete or absent, verified before use, never pickled."""

from gluonlab.checkpoint.store import Checkpoint, CheckpointStore

__all__ = ["Checkpoint", "CheckpointStore"]
