"""A run goes on where its newest good checkpoint was taken."""

from __future__ import annotations

import json
import logging
import os
from typing import Optional

from gluonlab.checkpoint.inheritance import read
from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.reporting.traces import traces_of
from gluonlab.supervision.variables import HEIRS
from gluonlab.training.identity import check_same_identity, differing, not_known
from gluonlab.training.run import Run
from gluonlab.training.same_weights import check_same_parameters, check_same_weights
from gluonlab.training.state import restore

_log = logging.getLogger("gluonlab")


def check_same_on_all(run: Run) -> None:
    """Refuse processes that do not hold the same run. All of them call this; nothing is written.

    Raises:
        ClusterError: CLU16 another recipe or other data.
        DivergenceError: DIV01 to DIV03 another network, or other weights.
    """
    check_same_identity(run.identity, run.world)
    check_same_parameters(run.state, run.world)
    check_same_weights(run.state, run.world)


def resume(run: Run) -> Optional[Checkpoint]:
    """Restore the newest good checkpoint that rank 0 sees, on every process; None if there never was one.

    What the start before has left counts as one, the first time. Nothing is written.

    Raises:
        CheckpointError: CKP04 or CKP05 there was one, and it cannot be used; CKP08 if it belongs to another
            run, CKP06 or CKP07 if it does not fit this one.
        ConfigError: CFG23 it has more updates behind it than the recipe has.
    """
    left = _left_to_all(run)
    newest = run.world.run_on_all(lambda: _newest(run, left) if run.world.rank == 0 else None)
    is_left = newest is not None and newest.path != run.store.path_of(newest.step)
    step, is_left = json.loads(run.world.exchange(json.dumps([newest.step if newest else -1, is_left]))[0])
    if step < 0:
        return None

    def load() -> Checkpoint:
        checkpoint = newest or (left if is_left and left else run.store.load(step))
        changed = _check_identity(checkpoint, run)
        if step > run.total_steps:
            raise ConfigError(
                "CFG23",
                str(checkpoint.path),
                f"has more updates behind it than the {run.total_steps:,} of this recipe",
                "give it more epochs, or use another run_dir",
            )
        other_network = any(key.startswith("model") for key in changed)
        restore(
            run.state,
            checkpoint,
            other_network=other_network,
            other_optimizer=other_network or "optimizer.name" in changed,
            other_average=other_network or bool(changed & {"averaging.name", "optimizer.name"}),
        )
        return checkpoint

    checkpoint = run.world.run_on_all(load)
    check_same_weights(run.state, run.world)
    return checkpoint


def _newest(run: Run, left: Optional[Checkpoint]) -> Optional[Checkpoint]:
    """The newest good checkpoint; None in a directory that does not say that there was one."""
    if left and left.step >= max(run.store.steps(), default=0):
        return left
    checkpoint = run.store.latest()
    if checkpoint is None:
        directory = run.store.directory
        saved = traces_of(directory.parent).saved
        if saved is not None:
            raise CheckpointError(
                "CKP04",
                str(directory),
                f"holds no checkpoint, but the run was saved at step {saved}",
                "restore one of them, or train from step 0 with --start-over",
            )
    return checkpoint


def _left_to_all(run: Run) -> Optional[Checkpoint]:
    """What the start before has left, if every process finds it as it was left."""
    if run.inheritance is None or run.state.step:  # the run goes back, behind that
        return None
    left, problem = None, ""
    try:
        left = read(run.inheritance, os.environ.get(HEIRS, ""))
    except CheckpointError as error:
        problem = str(error)
    problems = list(filter(None, run.world.exchange(problem)))
    if problems and run.world.rank == 0:
        _log.warning("%s; going on from the last checkpoint", problems[0])
    return None if problems else left


def _check_identity(checkpoint: Checkpoint, run: Run) -> set[str]:
    """The keys that differ from those of the checkpoint and may; CKP08 with those that may not."""
    saved = checkpoint.state["identity"]
    found = dict(differing(saved, run.identity))
    refused = [line for key, line in found.items() if not key.startswith(run.allowed_changes or "\0")]
    if refused:
        raise CheckpointError(
            "CKP08",
            str(checkpoint.path),
            f"belongs to another run: {', '.join(refused)}",
            "use another run_dir, or allow the change of a key with --allow-change KEY",
        )
    unknown = not_known(saved, run.identity) if run.world.rank == 0 else []
    if unknown:
        _log.warning(
            "%s is of an earlier version: whether %s are the same is not known",
            checkpoint.path,
            " and ".join(unknown),
        )
    return set(found)
