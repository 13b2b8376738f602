"""The network of this host, and SLURM or Kubernetes around it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from gluonlab.doctor.finding import Finding, ok, warn


def check_surroundings(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Interfaces, the own name, and what schedules jobs here."""
    yield _check_interfaces()
    yield _check_name(socket.gethostname())
    yield check_scheduler(environment)


def _check_interfaces() -> Finding:
    states = psutil.net_if_stats()
    found = [
        f"{name} {address.address}" + (f" {states[name].speed / 1000:g} Gbit/s" if states[name].speed else "")
        for name, addresses in sorted(psutil.net_if_addrs().items())
        for address in addresses
        if address.family == socket.AF_INET and name in states and states[name].isup
    ]
    fabrics = Path("/sys/class/infiniband")
    cards = [path.name for path in fabrics.iterdir()] if fabrics.is_dir() else []
    shown = ", ".join(found + [f"InfiniBand {card}" for card in cards]) or "none is up"
    if not any(entry.startswith("lo ") for entry in found):
        return warn(
            "network", f"{shown}: no loopback, over which processes find each other", "ip link set lo up"
        )
    return ok("network", shown)


def _check_name(name: str) -> Finding:
    try:
        return ok("host name", f"{name} is {socket.gethostbyname(name)}")
    except OSError:
        return warn(
            "host name", f"{name} has no address, which Gloo needs", f"echo '127.0.1.1 {name}' >> /etc/hosts"
        )


def check_scheduler(environment: Mapping[str, str]) -> Finding:
    """Which scheduler, SLURM or Kubernetes, runs this process, if any."""
    if "SLURM_JOB_ID" in environment:
        gpus = environment.get("SLURM_GPUS_ON_NODE", "0")
        found = (
            f"SLURM job {environment['SLURM_JOB_ID']}: {environment.get('SLURM_NNODES', '1')} node(s), "
            f"{environment.get('SLURM_NTASKS', '1')} task(s), {gpus} GPU(s) on this node"
        )
        return ok("scheduler", f"{found}; see docs/clusters.md")
    if "KUBERNETES_SERVICE_HOST" in environment:
        return ok("scheduler", "Kubernetes; see docs/clusters.md")
    if shutil.which("sbatch"):
        return ok("scheduler", "SLURM is here, but this is no job of it")
    return ok("scheduler", "none")
