"""Which device each process computes on, by which engine, and whether all of them are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

from gluonlab.commands import gluonlab_command
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError, SetupError
from gluonlab.parallel.environment import has_cpu_feature
from gluonlab.parallel.world import World
from gluonlab.runtime.cuda_driver import DriverMissingError, Gpu, read_gpus
from gluonlab.runtime.cuda_libraries import is_cuda_build_installed
from gluonlab.runtime.mxnet import mx
from gluonlab.torch_engine import check_torch, device_of, sees_cuda

MXNET, TORCH = "mxnet", "torch"


@dataclass(frozen=True)
class Device:
    """What a process computes on: its GPU, number ``index`` on this host, or the CPU; and by which engine."""

    engine: str = MXNET
    gpu: Optional[Gpu] = None
    index: int = 0

    @property
    def ctx(self) -> Any:
        """Where parameters, gradients and the arrays of the optimizer are: MXNet's name, or PyTorch's."""
        if self.engine == TORCH:
            return device_of(self.in_torch)
        return mx.gpu(self.index) if self.gpu else mx.cpu()

    @property
    def in_torch(self) -> str:
        """PyTorch's name of the device."""
        return f"cuda:{self.index}" if self.gpu else "cpu"

    def __str__(self) -> str:
        return f"{self.engine} on {self.gpu.name if self.gpu else 'the CPU'}"


def load_engine(config: Config) -> str:
    """The engine of ``config`` on this machine; PyTorch is imported if it is that.

    Before Horovod, for after it that import crashes.

    Raises:
        SetupError: ENV77 ``engine: torch`` without PyTorch.
    """
    engine = choose_engine(config.engine, config.ctx, driver_gpus())
    if engine == TORCH:
        check_torch()
    return engine


def build_device(config: Config, world: World) -> Device:
    """The engine and the device of this process: GPU ``local_rank``, or the CPU.

    Raises:
        SetupError: ENV08 fewer GPUs than processes, ENV22 a GPU that MXNet has no code for, ENV23 processes
            that differ, ENV77 no PyTorch; on all processes.
        ConfigError: CFG22 if the device cannot do what the recipe asks for; on all processes.
    """
    device = world.run_on_all(lambda: _choose(config, world))
    check_alike(world.exchange(str(device)))
    world.run_on_all(lambda: _check_device(config, device))
    return device


def _choose(config: Config, world: World) -> Device:
    gpus = driver_gpus()
    engine = choose_engine(config.engine, config.ctx, gpus)
    if engine == TORCH:
        check_torch()
    sees_gpus = sees_cuda() if engine == TORCH else has_cuda()
    gpu = choose_gpu(config.ctx, world.local_rank, world.local_size, gpus if sees_gpus else [], engine)
    return Device(engine, gpu, world.local_rank)


def wire_warnings(config: Config, world: World, ctx: Any) -> list[str]:
    """A line if ``wire_precision`` makes the sums of these processes slower."""
    if config.wire_precision == "float32" or not world.adds_halves_slowly(ctx):
        return []
    return [
        "wire_precision float16 halves what is sent, but Gloo takes 3 to 5 times as long to add it up on a "
        "CPU: use float32, or --backend mpi"
    ]


def driver_gpus() -> list[Gpu]:
    """The GPUs that the driver lets this process see, whatever engine could use them."""
    try:
        return read_gpus()[1]
    except DriverMissingError:
        return []


def has_cuda() -> bool:
    """Whether this build of MXNet has CUDA."""
    return bool(mx.runtime.Features().is_enabled("CUDA"))


def has_code_for(gpu: Gpu) -> bool:
    """Whether MXNet has code for ``gpu``: the wheel is known, a build of somebody else's is trusted."""
    return gpu.runs_mxnet or not is_cuda_build_installed()


def choose_engine(engine: str, ctx: str, gpus: Sequence[Gpu]) -> str:
    """``engine``, or for ``auto`` the one that has code for the device.

    That is MXNet on a CPU and on GPUs that it runs on, else PyTorch, if it is installed and sees GPUs.
    """
    if engine != "auto":
        return engine
    is_for_mxnet = ctx == "cpu" or not gpus or (has_cuda() and all(has_code_for(gpu) for gpu in gpus))
    return TORCH if not is_for_mxnet and sees_cuda() else MXNET


def choose_gpu(
    ctx: str, local_rank: int, local_size: int, gpus: Sequence[Gpu], engine: str = MXNET
) -> Optional[Gpu]:
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
    if engine == MXNET and not has_code_for(gpu):
        raise SetupError(
            "ENV22",
            f"GPU {local_rank} ({gpu.name}, compute capability {gpu.capability})",
            "mxnet-cu112 has code for 5.0 to 8.9",
            "use engine=torch with a PyTorch for CUDA, ctx=cpu, or another GPU with CUDA_VISIBLE_DEVICES",
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
                f"computes by {device}, rank 0 by {devices[0]}",
                "choose alike ones with CUDA_VISIBLE_DEVICES or other hosts, or use ctx=cpu and engine=mxnet",
            )


def _check_device(config: Config, device: Device) -> None:
    """Refuse what the device found cannot compute."""
    setting, is_gpu = f"precision: {config.precision}", device.gpu is not None
    if config.deterministic and is_gpu:
        raise ConfigError("CFG22", "deterministic: true", "is for CPUs", "use ctx=cpu or deterministic=false")
    if config.precision == "float16" and not is_gpu:
        hint = "on a CPU use precision=float32 or bfloat16"
        raise ConfigError("CFG22", setting, "needs a GPU, none found", hint)
    if config.precision == "tf32" and not (is_gpu and device.engine == TORCH):
        raise ConfigError("CFG22", setting, "needs engine=torch on a GPU", "use precision=float32")
    if config.compile and device.engine != TORCH:
        raise ConfigError(
            "CFG22", "compile: true", "is for engine=torch", "add engine=torch, or compile=false"
        )
    if config.precision == "bfloat16" and is_gpu and device.engine == MXNET:
        raise ConfigError(
            "CFG22",
            setting,
            "is for CPUs: MXNet 1.9.1 has it nowhere else",
            "use precision=float16, or engine=torch",
        )
    if config.precision == "bfloat16" and not is_gpu and not has_cpu_feature("avx512bw"):
        raise ConfigError("CFG22", setting, "needs a CPU with AVX-512", "use precision=float32")
