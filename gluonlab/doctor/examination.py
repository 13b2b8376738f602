"""All checks in their order; what rests on something broken is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gluonlab.doctor.engine import check_horovod, check_mxnet
from gluonlab.doctor.finding import Finding
from gluonlab.doctor.gpu import check_gpu
from gluonlab.doctor.machine import check_machine
from gluonlab.doctor.packages import check_packages, mxnet_builds
from gluonlab.doctor.self_test import check_all_reduce, check_training
from gluonlab.doctor.surroundings import check_surroundings
from gluonlab.parallel.environment import is_horovod_installed, launched_process


def examine(folder: Path, *, self_test: bool = True) -> Iterator[Finding]:
    """The findings, one by one as they come; runs are to be written below ``folder``."""
    broken: set[str] = set()

    def noted(findings: Iterator[Finding]) -> Iterator[Finding]:
        for finding in findings:
            if finding.state == "fail":
                broken.add(finding.name)
            yield finding

    yield from noted(check_packages())
    if not mxnet_builds():
        broken.add("mxnet package")  # also where PyTorch does without it
    yield from noted(check_gpu())
    if not broken & {"python", "numpy", "mxnet package"}:
        yield from noted(iter([check_mxnet()]))
    engine = {"python", "numpy", "mxnet package", "mxnet"}
    if not broken & engine:
        yield from noted(check_horovod())
    yield from noted(check_machine(folder))
    yield from check_surroundings()
    if not self_test or broken & (engine | {"packages", "temporary files"}):
        return
    yield from check_training()
    if not broken & {"horovod", "mpi"} and launched_process().size == 1:
        yield check_all_reduce("mpi" if is_horovod_installed() else "kvstore")
