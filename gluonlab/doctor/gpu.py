"""The NVIDIA driver, the GPUs and the CUDA libraries."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from gluonlab.commands import install_command
from gluonlab.doctor.child import ask
from gluonlab.doctor.finding import Finding, fail, ok, warn
from gluonlab.runtime.cuda_driver import Gpu
from gluonlab.runtime.cuda_libraries import is_cuda_build_installed

_CHOICES = (
    "train on the CPU (ctx=cpu), choose an older GPU (CUDA_VISIBLE_DEVICES), or export the network to ONNX "
    "and run that"
)


def check_gpu() -> Iterator[Finding]:
    """Driver and GPUs; the libraries only where MXNet is the CUDA build."""
    answer = ask("driver", timeout=30)
    missing = answer.error or answer.values.get("missing")
    is_cuda_build = is_cuda_build_installed()
    if missing:
        yield _describe_missing(missing, is_cuda_build=is_cuda_build)
    else:
        yield _check_driver(answer.values["cuda"])
        gpus = [Gpu(**gpu) for gpu in answer.values["gpus"]]
        yield check_models(gpus, is_cuda_build=is_cuda_build)
    if is_cuda_build:
        yield from _check_libraries()


def _describe_missing(missing: str, *, is_cuda_build: bool) -> Finding:
    if not is_cuda_build:
        return ok("gpu driver", f"{missing}; MXNet is the CPU build and needs none")
    return fail(
        "gpu driver",
        f"{missing}, and MXNet is the CUDA build",
        f"install NVIDIA's driver, 450.80 or later (in a container: run it with the GPUs), "
        f"or {install_command('cpu')}",
    )


def _check_driver(cuda: str) -> Finding:
    if tuple(int(part) for part in cuda.split(".")) < (11, 0):
        return fail(
            "gpu driver", f"is for CUDA {cuda}, MXNet needs 11", "install NVIDIA's driver, 450.80 or later"
        )
    return ok("gpu driver", f"for CUDA up to {cuda}")


def check_models(gpus: list[Gpu], *, is_cuda_build: bool) -> Finding:
    """Whether the wheel has code for each GPU, and whether they are alike."""
    found = ", ".join(
        f"{i}: {gpu.name} ({gpu.capability}, {gpu.memory_gib:.0f} GiB)" for i, gpu in enumerate(gpus)
    )
    code = "mxnet-cu112 has code for compute capability 5.0 to 8.9"
    able = [str(index) for index, gpu in enumerate(gpus) if gpu.runs_mxnet]
    if not is_cuda_build and able:
        return warn("gpus", f"{found}; but MXNet is the CPU build", install_command("cu112"))
    if not is_cuda_build:
        return warn("gpus", f"{found}; MXNet is the CPU build, and {code}, so nothing is lost", _CHOICES)
    if not able:
        return fail("gpus", f"{found}: {code}", _CHOICES)
    if len(able) < len(gpus):
        mend = f"export CUDA_VISIBLE_DEVICES={','.join(able)}"
        return warn("gpus", f"{found}: {code}, so for some of them only", mend)
    if len({gpu.name for gpu in gpus}) > 1:
        return warn(
            "gpus", f"{found}: the slowest would set the pace", "choose alike ones with CUDA_VISIBLE_DEVICES"
        )
    return ok("gpus", found)


def _check_libraries() -> Iterator[Finding]:
    answer = ask("cuda_libraries")
    if answer.error:
        yield fail("cuda libraries", answer.error, f"{install_command('cu112')} again")
        return
    libraries = answer.values["libraries"]
    for name, values in libraries.items():
        if "error" in values:
            yield fail(
                name,
                f"does not load: {values['error']}",
                f"{install_command('cu112')}, or set LD_LIBRARY_PATH to it",
            )
        else:
            yield ok(name, _origin(values))
    versions = ", ".join(f"{name} {version}" for name, version in answer.values["versions"].items())
    yield ok("cuda versions", versions or "none of the libraries told")


def _origin(values: dict[str, Any]) -> str:
    path = Path(values["file"])
    if not values["is_wheel"]:
        return f"{path.resolve().name} of the system, in {path.parent}"
    package = f"nvidia-{path.parents[1].name.replace('_', '-')}-cu11"
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return str(path)
