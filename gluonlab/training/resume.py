"""A run goes on where its newest good checkpoint was taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.errors import CheckpointError
from gluonlab.training.run import Run
from gluonlab.training.state import restore

_SHOWN = 5


def resume(run: Run) -> Optional[Checkpoint]:
    """Restore the newest good checkpoint that rank 0 sees, on every process; None if there is none.

    Raises:
        CheckpointError: CKP08 if it belongs to another run, CKP06 or CKP07 if it does not fit this one.
    """
    newest = run.world.run_on_all(
        lambda: run.store.latest(set_damaged_aside=True) if run.world.rank == 0 else None
    )
    step = int(run.world.exchange(str(newest.step if newest else -1))[0])
    if step < 0:
        return None

    def load() -> Checkpoint:
        checkpoint = newest or run.store.load(step)
        differences = [
            line
            for key, line in differing(checkpoint.state["identity"], run.identity)
            if not key.startswith(run.allowed_changes or "\0")
        ]
        if differences:
            raise CheckpointError(
                "CKP08",
                str(checkpoint.path),
                f"belongs to another run: {', '.join(differences)}",
                "use another run_dir, or allow the change of a key with --allow-change KEY",
            )
        changed = {key for key, _ in differing(checkpoint.state["identity"], run.identity)}
        other_network = any(key.startswith("model") for key in changed)
        restore(
            run.state,
            checkpoint,
            other_network=other_network,
            other_optimizer=other_network or "optimizer.name" in changed,
        )
        return checkpoint

    return run.world.run_on_all(load)


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
