"""Which device each process computes on, and whether all of them are alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab.commands import gluonlab_command
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError, SetupError
from gluonlab.parallel.environment import has_cpu_feature
from gluonlab.parallel.world import World
from gluonlab.runtime.cuda_driver import DriverMissingError, Gpu, read_gpus
from gluonlab.runtime.mxnet import mx

CPU = "CPU"


def build_ctx(config: Config, world: World) -> Any:
    """The device of this process: GPU ``local_rank``, or the CPU.

    Raises:
        SetupError: ENV08 fewer GPUs than processes, ENV22 a GPU that MXNet has no code for, ENV23 GPUs
            that differ; on all processes.
        ConfigError: CFG22 if the device cannot do what the recipe asks for; on all processes.
    """
    gpu = world.run_on_all(lambda: choose_gpu(config.ctx, world.local_rank, world.local_size, visible_gpus()))
    check_alike(world.exchange(gpu.name if gpu else CPU))
    world.run_on_all(lambda: _check_device(config, is_gpu=gpu is not None))
    return mx.gpu(world.local_rank) if gpu else mx.cpu()


def wire_warnings(config: Config, world: World, ctx: Any) -> list[str]:
    """A line if ``wire_precision`` makes the sums of these processes slower."""
    if config.wire_precision == "float32" or not world.adds_halves_slowly(ctx):
        return []
    return [
        "wire_precision float16 halves what is sent, but Gloo takes 3 to 5 times as long to add it up on a "
        "CPU: use float32, or --backend mpi"
    ]


def visible_gpus() -> list[Gpu]:
    """The GPUs that this build of MXNet and this process can use."""
    if not mx.runtime.Features().is_enabled("CUDA"):
        return []
    try:
        return read_gpus()[1]
    except DriverMissingError:
        return []


def choose_gpu(ctx: str, local_rank: int, local_size: int, gpus: Sequence[Gpu]) -> Optional[Gpu]:
    """The GPU of process ``local_rank`` of ``local_size`` on this host; None for the CPU.

    ``auto`` takes the CPU only where there is no GPU at all: half a job on GPUs would wait for the rest.
    """
    if ctx == "cpu" or (ctx == "auto" and not gpus):
        return None
    if local_size > len(gpus):
        raise SetupError(
            "ENV08",
            f"ctx: {ctx}",
            f"{local_size} process(es) on this host need a GPU each, {len(gpus)} found",
            "use ctx=cpu, or start one process for each GPU; "
            f"{gluonlab_command('doctor')} tells what is seen",
        )
    gpu = gpus[local_rank]
    if not gpu.runs_mxnet:
        raise SetupError(
            "ENV22",
            f"GPU {local_rank} ({gpu.name}, compute capability {gpu.capability})",
            "mxnet-cu112 has code for 5.0 to 8.9",
            "use ctx=cpu, choose another GPU with CUDA_VISIBLE_DEVICES, or export the network to ONNX",
        )
    return gpu


def check_alike(devices: Sequence[str]) -> None:
    """Refuse a job whose processes, by rank, compute on different ``devices``.

    Raises:
        SetupError: ENV23; the slowest would set the pace, and sums would differ from device to device.
    """
    for rank, device in enumerate(devices):
        if device != devices[0]:
            raise SetupError(
                "ENV23",
                f"rank {rank}",
                f"computes on {device}, rank 0 on {devices[0]}",
                "choose alike ones with CUDA_VISIBLE_DEVICES or other hosts, or use ctx=cpu",
            )


def _check_device(config: Config, *, is_gpu: bool) -> None:
    """Refuse what the device found cannot compute."""
    setting = f"precision: {config.precision}"
    if config.deterministic and is_gpu:
        raise ConfigError("CFG22", "deterministic: true", "is for CPUs", "use ctx=cpu or deterministic=false")
    if config.precision == "float16" and not is_gpu:
        hint = "on a CPU use precision=float32 or bfloat16"
        raise ConfigError("CFG22", setting, "needs a GPU, none found", hint)
    if config.precision == "bfloat16" and is_gpu:
        raise ConfigError(
            "CFG22", setting, "is for CPUs: MXNet 1.9.1 has it nowhere else", "use precision=float16"
        )
    if config.precision == "bfloat16" and not has_cpu_feature("avx512bw"):
        raise ConfigError("CFG22", setting, "needs a CPU with AVX-512", "use precision=float32")
