"""A run goes on where its newest good checkpoint was taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Optional

from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.errors import CheckpointError, ClusterError, ConfigError
from gluonlab.parallel.world import World
from gluonlab.reporting.traces import traces_of
from gluonlab.training.run import Run
from gluonlab.training.same_weights import check_same_parameters, check_same_weights
from gluonlab.training.state import restore

_SHOWN = 5


def check_same_on_all(run: Run) -> None:
    """Refuse processes that do not hold the same run. All of them call this; nothing is written.

    Raises:
        ClusterError: CLU16 another recipe or other data.
        DivergenceError: DIV01 to DIV03 another network, or other weights.
    """
    _check_same_identity(run.identity, run.world)
    check_same_parameters(run.state, run.world)
    check_same_weights(run.state, run.world)


def resume(run: Run) -> Optional[Checkpoint]:
    """Restore the newest good checkpoint that rank 0 sees, on every process; None if there never was one.

    Nothing is written.

    Raises:
        CheckpointError: CKP04 or CKP05 there was one, and it cannot be used; CKP08 if it belongs to another
            run, CKP06 or CKP07 if it does not fit this one.
        ConfigError: CFG23 it has more updates behind it than the recipe has.
    """
    newest = run.world.run_on_all(lambda: _newest(run) if run.world.rank == 0 else None)
    step = int(run.world.exchange(str(newest.step if newest else -1))[0])
    if step < 0:
        return None

    def load() -> Checkpoint:
        checkpoint = newest or run.store.load(step)
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
            other_average=other_network or "averaging.name" in changed,
        )
        return checkpoint

    checkpoint = run.world.run_on_all(load)
    check_same_weights(run.state, run.world)
    return checkpoint


def differing(saved: Any, current: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The keys that both have and that differ, each with a line that says how; a later version may have more.

    Keys are dotted, without the ``recipe.`` in front.
    """
    if isinstance(saved, dict) and isinstance(current, dict):
        for name in sorted(saved.keys() & current.keys()):
            yield from differing(saved[name], current[name], f"{key}.{name}" if key else name)
    elif saved != current:
        key = key[len("recipe.") :] if key.startswith("recipe.") else key
        yield key, f"{key} was {_shortened(saved)}, now {_shortened(current)}"


def _shortened(value: Any) -> str:
    """``value`` as text; of a long list its length and what it begins with."""
    if isinstance(value, list) and len(value) > _SHOWN:
        return f"{len(value):,} from {value[:_SHOWN]!r} on"
    return repr(value)


def _newest(run: Run) -> Optional[Checkpoint]:
    """The newest good checkpoint; None in a directory that does not say that there was one."""
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


def _check_identity(checkpoint: Checkpoint, run: Run) -> set[str]:
    """The keys that differ from those of the checkpoint and may; CKP08 with those that may not."""
    found = dict(differing(checkpoint.state["identity"], run.identity))
    refused = [line for key, line in found.items() if not key.startswith(run.allowed_changes or "\0")]
    if refused:
        raise CheckpointError(
            "CKP08",
            str(checkpoint.path),
            f"belongs to another run: {', '.join(refused)}",
            "use another run_dir, or allow the change of a key with --allow-change KEY",
        )
    return set(found)


def _check_same_identity(identity: dict[str, Any], world: World) -> None:
    mine = json.dumps(identity, sort_keys=True)
    if len(set(world.exchange(hashlib.sha256(mine.encode()).hexdigest()))) == 1:
        return
    first, *others = (json.loads(text) for text in world.exchange(mine))
    for rank, theirs in enumerate(others, start=1):
        keys = ", ".join(key for key, _ in differing(first, theirs))
        if theirs != first:
            raise ClusterError("CLU16", f"rank {rank}", f"the run differs from that of rank 0: {keys}")
