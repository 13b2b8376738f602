"""Adding up the gradients of a process's virtual workers, one micro-step after another.

Backward overwrites the gradients each time and they are added here: MXNet's own accumulation
(``grad_req="add"``) is slower, and its order of additions, from left to right, depends on the number of
processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gluonlab import arrays as libraries


class Accumulator(Protocol):
    """Adds up what ``arrays`` hold after each of ``terms`` micro-steps."""

    def start(self) -> None:
        """Forget the terms of an update that was broken off."""

    def add(self) -> None:
        """Call after each micro-step; after the last, the arrays hold the sum."""


class RunningSum:
    """From left to right; one copy of ``arrays`` in memory."""

    def __init__(self, arrays: Sequence[Any], terms: int) -> None:
        self._arrays, self._terms, self._added = arrays, terms, 0
        self._library = libraries.of(arrays[0])
        self._sums = self._library.zeros_like(arrays) if terms > 1 else []

    def start(self) -> None:
        """Begin a new sum; what was added before is forgotten."""
        self._added = 0

    def add(self) -> None:
        """Add what is in the arrays as the next term."""
        self._added += 1
        if self._added == self._terms:
            self._library.add(self._sums, self._arrays, self._arrays)
        elif self._added == 1:
            self._library.copy(self._arrays, self._sums)
        else:
            self._library.add(self._sums, self._arrays, self._sums)


class PairwiseTree:
    """In pairs, then pairs of pairs: the order of additions within a process of 2^k virtual workers is
    that within every other such process, and `pairwise_sum` goes on with it across processes.

    A binary counter of partial sums: log2(terms) copies of ``arrays`` in memory.
    """

    def __init__(self, arrays: Sequence[Any], terms: int) -> None:
        if terms & (terms - 1):
            raise ValueError(f"a pairwise tree needs a power of two, got {terms} terms")
        self._arrays, self._terms, self._added = arrays, terms, 0
        self._library = libraries.of(arrays[0])
        levels = terms.bit_length() - 1
        self._partial_sums = [self._library.zeros_like(arrays) for _ in range(levels)]

    def start(self) -> None:
        """Begin a new sum; what was added before is forgotten."""
        self._added = 0

    def add(self) -> None:
        """Add the next term to the tree."""
        self._added += 1
        finished = (self._added & -self._added).bit_length() - 1  # pairs, pairs of pairs, ... ending here
        for level in range(finished):
            self._library.add(self._partial_sums[level], self._arrays, self._arrays)
        if self._added < self._terms:
            self._library.copy(self._arrays, self._partial_sums[finished])


def pairwise_sum(terms: Sequence[Any]) -> Any:
    """The sum of ``terms`` in pairs, pairs of pairs and so on; an odd one out waits for the next round."""
    while len(terms) > 1:
        pairs = [left + right for left, right in zip(terms[::2], terms[1::2])]
        terms = pairs + list(terms[len(terms) - len(terms) % 2 :])
    return terms[0]
