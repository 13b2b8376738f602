"""What the CUDA driver says about itself and its GPUs; no CUDA toolkit and no MXNet needed."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

# The mxnet-cu112 wheel holds machine code for sm_50, 60, 70, 80 and 86 and no PTX, so a GPU runs it if
# its major version is one of these.
MAJORS_WITH_CODE = range(5, 9)

_NO_DEVICE = 100
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR


class DriverMissingError(Exception):
    """There is no usable NVIDIA driver; the text says why."""


@dataclass(frozen=True)
class Gpu:
    """One GPU that CUDA_VISIBLE_DEVICES lets this process see."""

    name: str
    major: int
    minor: int
    memory_gib: float

    @property
    def capability(self) -> str:
        """Compute capability, as ``8.6``."""
        return f"{self.major}.{self.minor}"

    @property
    def runs_mxnet(self) -> bool:
        """Whether the mxnet-cu112 wheel has code for it."""
        return self.major in MAJORS_WITH_CODE


def read_gpus() -> tuple[str, list[Gpu]]:
    """The CUDA version that the driver supports, as ``12.4``, and the visible GPUs.

    Raises:
        DriverMissingError: no driver is installed, or it does not start.
    """
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise DriverMissingError("no NVIDIA driver (libcuda.so.1) is installed") from error
    code = library.cuInit(0)
    if code == _NO_DEVICE:
        raise DriverMissingError("the NVIDIA driver sees no GPU (cuInit: 100)")
    if code:
        raise DriverMissingError(f"the NVIDIA driver does not start (cuInit: {code})")
    version, count = ctypes.c_int(), ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(version))
    library.cuDeviceGetCount(ctypes.byref(count))
    gpus = [_read_gpu(library, index) for index in range(count.value)]
    return f"{version.value // 1000}.{version.value % 1000 // 10}", gpus


def _read_gpu(library: Any, index: int) -> Gpu:
    device, memory, name = ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(128)
    library.cuDeviceGet(ctypes.byref(device), index)
    library.cuDeviceGetName(name, len(name), device)
    library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    major, minor = ctypes.c_int(), ctypes.c_int()
    library.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
    library.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
    return Gpu(name.value.decode(), major.value, minor.value, memory.value / 2**30)
