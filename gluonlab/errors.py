"""Errors that reach the user: one class per exit code, one line per problem.

A problem reads ``error[CODE] where: what; hint``. An error may carry several problems, so that all
mistakes of a configuration are told at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

ErrorType = TypeVar("ErrorType", bound="GluonlabError")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a stable ``code``, ``where`` it is, ``what`` it is, how to mend it."""

    code: str
    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        line = f"error[{self.code}] {self.where}: {self.what}{hint}"
        return " ".join(line.split())


class GluonlabError(Exception):
    """Base of all errors below; ``exit_code`` is what the process ends with."""

    exit_code = 70

    def __init__(self, code: str, where: str, what: str, hint: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(code, where, what, hint),)
        super().__init__(str(self.problems[0]))

    @classmethod
    def from_problems(cls: type[ErrorType], problems: Sequence[Problem]) -> ErrorType:
        """One error that tells all ``problems`` (at least one)."""
        first = problems[0]
        error = cls(first.code, first.where, first.what, first.hint)
        error.problems = tuple(problems)
        return error

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ConfigError(GluonlabError):
    """Usage or configuration is wrong."""

    exit_code = 2


class DataError(GluonlabError):
    """A data set is missing, damaged or does not fit the model."""

    exit_code = 3


class CheckpointError(GluonlabError):
    """A checkpoint or another output file cannot be written, read or trusted."""

    exit_code = 4


class NumericError(GluonlabError):
    """Loss, gradient or weights are no longer finite."""

    exit_code = 5


class DivergenceError(GluonlabError):
    """Processes that must be equal are not."""

    exit_code = 6


class ClusterError(GluonlabError):
    """A peer process died, hangs or cannot be reached."""

    exit_code = 7


class PeerFailedError(ClusterError):
    """Another process failed; its own message is the one to show."""


class SetupError(GluonlabError):
    """The installation or the machine lacks something."""

    exit_code = 8


class ResourceError(GluonlabError):
    """Memory, disk or another resource ran out."""

    exit_code = 9
