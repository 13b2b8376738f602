"""Hosts and what each takes: from words, and from files of Open MPI, PBS, SGE, LSF, SLURM and MPICH."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from platform import node
from typing import Optional

import psutil

from gluonlab.errors import ConfigError

MOST_HOSTS = 65536

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_ADDRESS = re.compile(r"[\d.]+")
_COMMENT = re.compile(r"#[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
_BETWEEN_HOSTS = re.compile(r",(?![^\[]*\])")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
# As mpirun knows them.
_SLOTS = re.compile(r"slots|cpu|count")
_MOST_SLOTS = re.compile(r"max[-_](?:slots|cpu|count)|(?:slots|cpu|count)[-_]max")


@dataclass(frozen=True)
class Host:
    """A machine and how many processes it takes."""

    name: str
    slots: int


class _RefusedError(Exception):
    """What is wrong with ``text`` of the user's, and what to write instead."""

    def __init__(self, text: str, what: str, hint: str = "write a:8,b:8") -> None:
        shown = re.sub(r"[^ -~]", "?", text.strip())
        super().__init__(f"{shown[:80]}{'...' * (len(shown) > 80)} {what}".strip())
        self.hint = hint


def parse_hosts(text: str) -> tuple[Host, ...]:
    """Read ``a:8,b:8`` or ``node[01-04,07]:8``; a host without a number takes one process.

    Raises:
        ConfigError: CLI02.
    """
    try:
        return _counted(pair for word in _BETWEEN_HOSTS.split(text) for pair in _hosts_in(word.strip()))
    except _RefusedError as error:
        raise ConfigError("CLI02", f"--hosts {text}", str(error), error.hint) from None


def read_host_file(path: Path) -> tuple[Host, ...]:
    """Read a host file, and count as mpirun does.

    A line is ``name``, ``name slots=8 max_slots=16``, ``name:8`` (MPICH) or ``name 8 QUEUE ...`` (SGE); names
    may be SLURM's ``node[01-04,07]``. A line without a number is one process for its host (PBS, Torque, LSF).

    Raises:
        ConfigError: CLI02.
    """
    where = f"--host-file {path}"
    try:
        text = _COMMENT.sub(" ", path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("CLI02", where, f"cannot be read: {error}") from None
    try:
        return _counted(pair for line in text.splitlines() if line.strip() for pair in _hosts_of_line(line))
    except _RefusedError as error:
        raise ConfigError("CLI02", where, str(error), error.hint) from None


def is_this_host(name: str) -> bool:
    """Whether ``name`` is this host, by name or by an address of one of its cards."""
    try:
        address = socket.gethostbyname(name)
    except OSError:
        return name == node()
    own = (each.address for addresses in psutil.net_if_addrs().values() for each in addresses)
    return address in own or address.startswith("127.")


@dataclass(frozen=True)
class _Mention:
    """A host named once; ``is_whole`` if its line gives the whole number, so that none may come before."""

    name: str
    slots: int
    is_whole: bool = False


def _hosts_of_line(line: str) -> Iterator[_Mention]:
    words = re.sub(r"\s*=\s*", "=", line).split()
    mentions = [mention for word in _BETWEEN_HOSTS.split(words[0]) for mention in _hosts_in(word)]
    if len(words) > 1 and ":" in words[0]:
        raise _RefusedError(line, "gives its number twice")
    if len(words) == 1:
        yield from mentions
    elif _NUMBER.fullmatch(words[1]):
        yield from (_Mention(mention.name, int(words[1])) for mention in mentions)
    else:
        slots = _given_slots(words[1:], line)
        yield from (_Mention(mention.name, slots, is_whole=True) for mention in mentions)


def _given_slots(options: Sequence[str], line: str) -> int:
    """What ``slots=2 max_slots=4`` says; the most that a host takes counts where no slots are given."""
    hint = "write name slots=8"
    slots: Optional[int] = None
    most: Optional[int] = None
    for option in options:
        key, _, value = option.partition("=")
        if _SLOTS.fullmatch(key) and _NUMBER.fullmatch(value) and slots is None:
            slots = int(value)
        elif _MOST_SLOTS.fullmatch(key) and _NUMBER.fullmatch(value):
            most = int(value)
        else:
            raise _RefusedError(line, f"has {option[:40]!a}, which is not understood", hint)
    if slots is None:
        return most or 0
    if most is not None and most < slots:
        raise _RefusedError(line, "gives more slots than it allows", hint)
    return slots


def _hosts_in(word: str) -> Iterator[_Mention]:
    """One of ``name``, ``name:8``, ``name[01-04,07]:8``."""
    names, colon, number = word.partition(":")
    if colon and not (_NUMBER.fullmatch(number) and int(number)):
        raise _RefusedError(word, "is no host and number")
    # The text outside brackets, and between it the ranges inside them.
    parts = re.split(r"\[([^\[\]]*)\]", names)
    choices = [_numbers(part, word) if index % 2 else [part] for index, part in enumerate(parts)]
    expanded = ["".join(choice) for choice in islice(product(*choices), MOST_HOSTS + 1)]
    if len(expanded) > MOST_HOSTS:
        raise _RefusedError(word, f"is more than {MOST_HOSTS} hosts")
    for name in expanded:
        if not _NAME.fullmatch(name):
            raise _RefusedError(word, "is no host and number")
        yield _Mention(name, int(number or 1))


def _numbers(ranges: str, word: str) -> list[str]:
    """``01-03,7`` as 01, 02, 03, 7: as wide as the first number of each range."""
    numbers: list[str] = []
    for part in ranges.split(","):
        found = _RANGE.fullmatch(part.strip())
        first, last = (found[1], found[2] or found[1]) if found else ("1", "0")
        if not 0 <= int(last) - int(first) < MOST_HOSTS:
            raise _RefusedError(word, "is no list of hosts", "write node[01-04,07] as SLURM does")
        numbers += [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
        if len(numbers) > MOST_HOSTS:
            raise _RefusedError(word, f"is more than {MOST_HOSTS} hosts")
    return numbers


def _counted(mentions: Iterator[_Mention]) -> tuple[Host, ...]:
    """Add up what is said of each host, which mpirun knows by the first part of its name."""
    hosts: dict[str, Host] = {}
    for mention in mentions:
        name = mention.name
        key = name if _ADDRESS.fullmatch(name) else name.partition(".")[0]
        known = hosts.get(key, Host(name, 0))
        if mention.is_whole and key in hosts:
            raise _RefusedError(
                name, "is named before its line with slots=", "give a host one line with slots="
            )
        if len({known.name, name, key}) == 3:
            raise _RefusedError(
                f"{known.name} and {name}", "are one host to mpirun", "name them by their addresses"
            )
        hosts[key] = Host(max(known.name, name, key=len), known.slots + mention.slots)
    taking = tuple(host for host in hosts.values() if host.slots)
    if not taking:
        raise _RefusedError("", "names no host that takes a process")
    return taking
