"""What to start, and where."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Optional

import psutil

from gluonlab.checkpoint.inheritance import Inheritance
from gluonlab.errors import ClusterError, ConfigError
from gluonlab.launch.hosts import Host
from gluonlab.supervision.watchdog import Limits

Backend = Literal["mpi", "gloo", "srun", "kvstore", "torch"]

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class JobPlan:
    """``command`` in ``processes`` processes that form one world.

    No ``hosts`` means this one. ``interface`` names the network card (or the network) for all connections,
    ``pass_environment`` more variables than the usual ones, ``logs`` the folder for one file per process.
    A process that takes ``straggler_factor`` times as long for an update as the others is told of.
    ``heirs`` names a job whose starts leave their state to the next, ``inheritance`` is what the last left.
    """

    command: Sequence[str]
    processes: int
    backend: Backend = "mpi"
    hosts: tuple[Host, ...] = ()
    interface: Optional[str] = None
    pass_environment: tuple[str, ...] = ()
    bind_cores: bool = False
    logs: Optional[Path] = None
    limits: Limits = field(default_factory=Limits)
    straggler_factor: float = 2.0
    heirs: str = ""
    inheritance: Optional[Inheritance] = None

    @property
    def is_local(self) -> bool:
        """Whether all processes run on this host."""
        return not self.hosts and self.backend != "srun"

    @property
    def address(self) -> str:
        """The address of this host that all processes can reach; nothing else is listened on."""
        if self.is_local:
            return LOOPBACK
        if self.interface:
            return _address_of(self.interface)
        return (
            _address_towards(self.hosts[0].name) if self.hosts else socket.gethostbyname(socket.gethostname())
        )


def _address_of(interface: str) -> str:
    """The IPv4 address of this host on a card by name, or in a network such as 10.0.0.0/24."""
    if "/" in interface:
        return _address_in(interface)
    for address in psutil.net_if_addrs().get(interface, []):
        if address.family == socket.AF_INET:
            return str(address.address)
    names = ", ".join(sorted(psutil.net_if_addrs()))
    raise ConfigError("CLI02", f"--interface {interface}", "has no IPv4 address here", f"there are {names}")


def _address_in(network: str) -> str:
    try:
        wanted = ipaddress.ip_network(network)
    except ValueError as error:
        raise ConfigError("CLI02", f"--interface {network}", str(error)) from None
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and ipaddress.ip_address(address.address) in wanted:
                return str(address.address)
    raise ConfigError("CLI02", f"--interface {network}", "this host has no address in it")


def _address_towards(host: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))  # sends nothing, but chooses the card
        except OSError as error:
            raise ClusterError(
                "CLU24", f"host {host}", f"cannot be reached: {error.strerror or error}"
            ) from None
        return str(probe.getsockname()[0])
