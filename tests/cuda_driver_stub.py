"""A libcuda.so.1 that shows the GPUs it is told to, or none: what can be tested without a GPU."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

# What libmxnet.so of mxnet-cu112 asks of the driver; each answers "no device".
SYMBOLS = """
    cuDevicePrimaryCtxRetain cuGetErrorString cuGraphKernelNodeGetParams cuGraphNodeGetType cuLaunchKernel
    cuModuleGetFunction cuModuleLoadData cuModuleLoadDataEx cuModuleUnload
"""

SOURCE = """
#include <stddef.h>
#include <string.h>
struct gpu { const char *name; int major, minor; size_t memory; };
static struct gpu gpus[] = { %s {"", 0, 0, 0} };
static const int count = %d;
int cuInit(unsigned flags) { return count ? 0 : 100; }
int cuDriverGetVersion(int *version) { *version = %d; return 0; }
int cuDeviceGetCount(int *number) { *number = count; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return count ? 0 : 100; }
int cuDeviceGetName(char *name, int n, int device) { strncpy(name, gpus[device].name, n); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = gpus[device].memory << 30; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? gpus[device].major : gpus[device].minor;
    return 0;
}
"""


def build_driver(folder: Path, gpus: Sequence[tuple[str, int, int, int]] = (), cuda: int = 12040) -> str:
    """Compile the library into ``folder``; ``gpus`` are (name, major, minor, GiB). For LD_LIBRARY_PATH."""
    rows = "".join(f'{{"{name}", {major}, {minor}, {gib}}},' for name, major, minor, gib in gpus)
    code = SOURCE % (rows, len(gpus), cuda) + "".join(
        f"int {symbol}() {{ return 100; }}\n" for symbol in SYMBOLS.split()
    )
    (folder / "driver.c").write_text(code)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", str(folder / "libcuda.so.1"), str(folder / "driver.c")], check=True
    )
    return str(folder)
