"""Where processes part: the first collective that one of them did not enter as the others did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Optional


class Entered(NamedTuple):
    """A collective as a process entered it; ``size`` in bytes, 0 if that may differ between processes."""

    name: str
    step: int = 0
    size: int = 0


@dataclass(frozen=True)
class Difference:
    """What ``rank`` did unlike the others, in words that go on after its name."""

    rank: int
    what: str


def first_difference(
    entered: Mapping[int, Sequence[Entered]], counts: Mapping[int, int]
) -> Optional[Difference]:
    """The first collective that not all ranks entered alike; None if they did, or too little is known.

    ``entered`` are the last ones of each rank that is known of, ``counts`` how many it has entered in all.
    """
    return parting(entered, counts) or _missing(entered, counts)


def parting(entered: Mapping[int, Sequence[Entered]], counts: Mapping[int, int]) -> Optional[Difference]:
    """Who first entered another collective than most, or one of another size; see `first_difference`."""
    numbered = [(rank, _numbered(events, counts[rank])) for rank, events in entered.items() if events]
    common = set.intersection(*(set(events) for _, events in numbered)) if numbered else set()
    for number in sorted(common):
        found = _odd_one({rank: events[number] for rank, events in numbered})
        if found:
            return found
    return None


def _numbered(events: Sequence[Entered], count: int) -> dict[int, Entered]:
    return dict(enumerate(events, count - len(events) + 1))


def _odd_one(entered: Mapping[int, Entered]) -> Optional[Difference]:
    names = [event.name for event in entered.values()]
    sizes = [event.size for event in entered.values()]
    name, size = max(names, key=names.count), max(sizes, key=sizes.count)
    for rank, event in entered.items():
        if event.name != name:
            return Difference(rank, f"entered '{event.name}' where the others entered '{name}'")
    for rank, event in entered.items():
        if event.size != size:
            what = (
                f"entered '{name}' at step {event.step} with {event.size:,} bytes, the others with {size:,}"
            )
            return Difference(rank, what)
    return None


def _missing(entered: Mapping[int, Sequence[Entered]], counts: Mapping[int, int]) -> Optional[Difference]:
    """Who has entered the fewest, and what others entered next."""
    if len(set(counts.values())) < 2:
        return None
    rank = min(counts, key=lambda rank: counts[rank])
    following = counts[rank] + 1
    ahead = {
        other: numbered[following]
        for other, events in entered.items()
        if following in (numbered := _numbered(events, counts[other]))
    }
    if not ahead:
        return None
    first, event = next(iter(ahead.items()))
    who = f"rank {first} and {len(ahead) - 1} more" if ahead.keys() - {first} else f"rank {first}"
    verb = "has not entered" if rank in entered else "was not seen to enter"
    return Difference(rank, f"{verb} '{event.name}' at step {event.step}, as {who} did")
