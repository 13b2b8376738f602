"""What MXNet's engine does, operator by operator, as a Chrome trace."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from gluonlab.bench.work import Work, wait_for_device
from gluonlab.runtime.mxnet import mx


def write_profile(work: Work, steps: int, path: Optional[Path]) -> None:
    """Run ``steps`` steps and write what the engine did to ``path``; without one, only run them."""
    if path:
        mx.profiler.set_config(filename=str(path), profile_symbolic=True, profile_imperative=True)
        mx.profiler.set_state("run")
    for _ in range(steps):
        work.step()
    wait_for_device()
    if path:
        mx.profiler.set_state("stop")
        mx.profiler.dump()
