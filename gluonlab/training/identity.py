"""What must be the same for a run to go on, or for processes to hold one run: the recipe and the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from gluonlab.data.identity import differences, name_differences
from gluonlab.errors import ClusterError
from gluonlab.parallel.world import World

_SHOWN = 5
_SPLITS = ("train", "val")


def differing(saved: dict[str, Any], current: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys that both have and that differ, each with a line that says how; a later version may have more.

    Keys of the recipe are dotted and stand without a ``recipe.`` in front; those of the data are
    ``data.train``, ``data.val`` and ``data.class_names``.
    """
    saved = _as_of_now(saved)
    for name in sorted(saved.keys() & current.keys()):
        if name == "data":
            yield from _differing_data(saved[name], current[name])
        else:
            yield from _differing_values(saved[name], current[name], "" if name == "recipe" else name)


def not_known(saved: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """What ``saved``, of an earlier version, does not tell about the data."""
    was, now = _as_of_now(saved).get("data", {}), current.get("data", {})
    images = [
        split for split in _SPLITS if "parts" in now.get(split, {}) and "parts" not in was.get(split, {})
    ]
    names = ["the names of classes"] if now.get("class_names") and "class_names" not in was else []
    return [*(f"the images of data.{split}" for split in images), *names]


def check_same_identity(identity: dict[str, Any], world: World) -> None:
    """Refuse processes with another recipe or other data (ClusterError CLU16); all of them call this."""
    mine = json.dumps(identity, sort_keys=True)
    if len(set(world.exchange(hashlib.sha256(mine.encode()).hexdigest()))) == 1:
        return
    first, *others = (json.loads(text) for text in world.exchange(mine))
    for rank, theirs in enumerate(others, start=1):
        if theirs != first:
            how = ", ".join(line for _, line in differing(first, theirs)) or "other keys"
            raise ClusterError("CLU16", f"rank {rank}", f"the run differs (was: rank 0, now: here): {how}")


def _as_of_now(identity: dict[str, Any]) -> dict[str, Any]:
    """``identity``, which earlier versions kept with the labels of each split beside the recipe."""
    if "train_labels" not in identity:
        return identity
    data = {split: {"labels": identity[f"{split}_labels"]} for split in _SPLITS}
    return {"recipe": identity["recipe"], "data": {**data, **identity.get("data", {})}}


def _differing_data(saved: dict[str, Any], current: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = current.get("class_names", ())
    found = {"class_names": name_differences(saved.get("class_names", ()), names)}
    for split in _SPLITS:
        found[split] = differences(saved.get(split, {}), current.get(split, {}), names)
    yield from (
        (f"data.{name}", f"data.{name}: {', '.join(lines)}") for name, lines in found.items() if lines
    )


def _differing_values(saved: Any, current: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(saved, dict) and isinstance(current, dict):
        for name in sorted(saved.keys() & current.keys()):
            yield from _differing_values(saved[name], current[name], f"{key}.{name}" if key else name)
    elif saved != current:
        yield key, f"{key} was {_shortened(saved)}, now {_shortened(current)}"


def _shortened(value: Any) -> str:
    """``value`` as text; of a long list its length and what it begins with."""
    if isinstance(value, list) and len(value) > _SHOWN:
        return f"{len(value):,} from {value[:_SHOWN]!r} on"
    return repr(value)
