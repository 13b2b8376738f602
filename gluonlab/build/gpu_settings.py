"""Run settings that MXNet takes from the environment, when it is imported or first uses a GPU."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from gluonlab.config.schema import Config

_AUTOTUNE = {"off": "0", "limited": "1", "fastest": "2"}
_POOL = {"exact": "Naive", "round": "Round", "none": "Unpooled"}


def set_gpu_environment(config: Config, environment: MutableMapping[str, str] = os.environ) -> None:
    """Put the GPU settings of ``config`` into ``environment``; what the user has set there stays."""
    settings = {
        "MXNET_CUDNN_AUTOTUNE_DEFAULT": _AUTOTUNE[config.cudnn_autotune],
        "MXNET_GPU_MEM_POOL_TYPE": _POOL[config.gpu_memory_pool],
        "MXNET_GPU_MEM_POOL_RESERVE": str(config.gpu_memory_reserve),
        "MXNET_ENABLE_CUDA_GRAPHS": str(int(config.cuda_graphs)),
    }
    for name, value in settings.items():
        environment.setdefault(name, value)
