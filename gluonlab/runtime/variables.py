"""Environment variables that hold nonsense: refused by name before a library acts on them.

MXNet 1.9.1 ends the process by SIGABRT where a variable is no number, and starts as many threads as one says:
with 0 it never ends, with 2,000,000,000 it never starts. Horovod 0.28.1 takes what is no number for 0.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from typing import Optional

from gluonlab.errors import Problem, SetupError

# Whole numbers, from - to.
_WHOLE: dict[tuple[int, int], str] = {
    (1, 1024): """
        MXNET_CPU_WORKER_NTHREADS MXNET_CPU_PRIORITY_NTHREADS MXNET_CPU_TEMP_COPY MXNET_CPU_PARALLEL_RAND_COPY
        MXNET_GPU_WORKER_NTHREADS MXNET_GPU_COPY_NTHREADS MXNET_GPU_TEMP_COPY MXNET_GPU_PARALLEL_RAND_COPY
        OMP_THREAD_LIMIT""",
    (0, 128): "MXNET_USE_NUM_CORES_OPERATOR_TUNING",  # it takes seconds for each hundred
    (0, 1024): """
        MXNET_OMP_MAX_THREADS MXNET_MP_WORKER_NTHREADS MXNET_MP_OPENCV_NUM_THREADS OMP_MAX_ACTIVE_LEVELS
        HOROVOD_NUM_NCCL_STREAMS""",
    (0, 1_000_000): """
        MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN_FWD NNVM_EXEC_NUM_TEMP
        MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN_BWD NNVM_EXEC_MATCH_RANGE""",
    (-1, 2**31 - 1): "MXNET_MKLDNN_CACHE_NUM",
    (0, 2**31 - 1): """
        MXNET_CPU_PARALLEL_SIZE MXNET_EXEC_INPLACE_GRAD_SUM_CAP MXNET_PROFILER_AUTOSTART MXNET_PROFILER_MODE
        MXNET_DISABLE_MKLDNN_CONV_OPT MXNET_DISABLE_MKLDNN_FC_OPT MXNET_DISABLE_MKLDNN_TRANSFORMER_OPT
        MXNET_DISABLE_MKLDNN_FUSE_CONV_BN MXNET_DISABLE_MKLDNN_FUSE_CONV_RELU
        MXNET_DISABLE_MKLDNN_FUSE_CONV_SUM HOROVOD_CACHE_CAPACITY HOROVOD_GLOO_TIMEOUT_SECONDS
        HOROVOD_STALL_CHECK_TIME_SECONDS HOROVOD_STALL_SHUTDOWN_TIME_SECONDS HOROVOD_AUTOTUNE_WARMUP_SAMPLES
        HOROVOD_AUTOTUNE_STEPS_PER_SAMPLE HOROVOD_AUTOTUNE_BAYES_OPT_MAX_SAMPLES""",
    (0, 2**34): "HOROVOD_FUSION_THRESHOLD HOROVOD_ADASUM_MPI_CHUNK_SIZE",
    (0, 1): """
        HOROVOD_AUTOTUNE HOROVOD_HIERARCHICAL_ALLREDUCE HOROVOD_HIERARCHICAL_ALLGATHER HOROVOD_TORUS_ALLREDUCE
        HOROVOD_STALL_CHECK_DISABLE HOROVOD_TIMELINE_MARK_CYCLES HOROVOD_DISABLE_GROUP_FUSION HOROVOD_ELASTIC
        HOROVOD_DYNAMIC_PROCESS_SETS HOROVOD_BATCH_D2D_MEMCOPIES HOROVOD_ENABLE_ASYNC_COMPLETION
        HOROVOD_MPI_THREADS_DISABLE""",
}  # fmt: skip

# Numbers, from - to.
_REAL: dict[tuple[float, float], str] = {
    (0, 1e9): "MXNET_TUNING_WEIGHT_SCALE HOROVOD_AUTOTUNE_GAUSSIAN_PROCESS_NOISE",
    (0, 60_000): "HOROVOD_CYCLE_TIME",  # milliseconds
}

_FLAGS = """
    MXNET_EXEC_BULK_EXEC_TRAIN MXNET_ENGINE_INFO MXNET_MKLDNN_ENABLED MXNET_MKLDNN_DEBUG MXNET_KVSTORE_LOGTREE
    MXNET_ELIMINATE_COMMON_EXPR MXNET_INFER_STORAGE_TYPE_VERBOSE_LOGGING MXNET_MEM_PLAN_VERBOSE_LOGGING
    MXNET_MKLDNN_FORCE_FC_AB_FORMAT MXNET_OUTPUT_TUNING_DATA MXNET_VERBOSE_TUNING_INFO
    MXNET_DISABLE_MKLDNN_FUSE_FC_ELTWISE MXNET_DISABLE_MKLDNN_QEM_FLOAT_OUTPUT
    MXNET_DISABLE_MKLDNN_QEM_FUSE_ALL MXNET_DISABLE_MKLDNN_QFC_FLOAT_OUTPUT MXNET_DISABLE_MKLDNN_QFC_FUSE_ALL
    MXNET_DISABLE_MKLDNN_QTRANSFORMER_FLOAT_OUTPUT MXNET_DISABLE_MKLDNN_QTRANSFORMER_FUSE_ALL
    NNVM_AUTO_SEARCH_MATCH_RANGE OMP_DYNAMIC OMP_NESTED"""

# Others: a pattern, and what it is. These must not be empty either, but for those of OpenMP.
_TEXTS = {
    "MXNET_OPTIMIZER_AGGREGATION_SIZE": ("[0-9]{1,9}", "a whole number"),
    "MXNET_UPDATE_ON_KVSTORE": ("[0-9]{1,9}", "a whole number"),
    "MXNET_ENABLE_CYTHON": ("[0-9]{1,9}", "a whole number"),
    "MXNET_ENFORCE_CYTHON": ("[0-9]{1,9}", "a whole number"),
    "MXNET_ENGINE_TYPE": (
        "NaiveEngine|ThreadedEngine|ThreadedEnginePerDevice",
        "NaiveEngine, ThreadedEngine or ThreadedEnginePerDevice",
    ),
    "OMP_NUM_THREADS": (r"[1-9][0-9]{0,3}(\s*,\s*[1-9][0-9]{0,3})*", "a number of threads from 1 to 9,999"),
    "OMP_STACKSIZE": (r"(?i)[1-9][0-9]*\s*[bkmg]?", "a size as 4M"),
    "HOROVOD_CONTROLLER": ("(?i)mpi|gloo", "mpi or gloo"),
    "HOROVOD_CPU_OPERATIONS": ("(?i)mpi|gloo|ccl", "mpi, gloo or ccl"),
    "GOMP_STACKSIZE": ("[1-9][0-9]*", "a number of kilobytes"),
}

THREADS = "OMP_NUM_THREADS"


def check_variables(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse an environment in which MXNet, OpenMP or Horovod would meet nonsense.

    Raises:
        SetupError: ENV30, for each variable.
    """
    problems = [
        Problem("ENV30", name, f"'{environment[name]}' is not {wanted}", f"unset {name}, or mend it")
        for name, wanted in sorted(_wanted(environment).items())
    ]
    if problems:
        raise SetupError.from_problems(problems)


def whole_number(
    environment: Mapping[str, str], name: str, least: int, most: int, default: Optional[int] = None
) -> int:
    """The variable ``name``, or ``default`` if it is not set.

    Raises:
        SetupError: ENV30 if it is not a whole number from ``least`` to ``most``.
    """
    text = environment.get(name, str(default))
    if not _is_whole(text, least, most):
        what = f"'{text}' is not a whole number from {least:,} to {most:,}"
        raise SetupError("ENV30", name, what, f"unset {name}, or mend it")
    return int(text)


def take_first_of_thread_list(environment: MutableMapping[str, str] = os.environ) -> None:
    """Leave one number of an OMP_NUM_THREADS such as ``4,2``, one for each nesting: MXNet reads but one."""
    if "," in environment.get(THREADS, ""):
        environment[THREADS] = environment[THREADS].split(",")[0].strip()


def _wanted(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that hold nonsense, and what they should hold."""
    wanted = {}
    for (least, most), names in _WHOLE.items():
        for name in _set(names, environment):
            if not _is_whole(environment[name], least, most):
                wanted[name] = f"a whole number from {least:,} to {most:,}"
    for (low, high), names in _REAL.items():
        for name in _set(names, environment):
            if not _is_real(environment[name], low, high):
                wanted[name] = f"a number from {low:,g} to {high:,g}"
    for name in _set(_FLAGS, environment):
        if environment[name].strip().lower() not in ("0", "1", "true", "false"):
            wanted[name] = "0 or 1"
    for name, (pattern, what) in _TEXTS.items():
        text = environment.get(name)
        if text is None or (not text and "OMP" in name):
            continue
        if not re.fullmatch(pattern, text.strip()):
            wanted[name] = what
    return wanted


def _set(names: str, environment: Mapping[str, str]) -> list[str]:
    """Those that are set; the libraries take an empty one for one that is not."""
    return [name for name in names.split() if environment.get(name)]


def _is_whole(text: str, least: int, most: int) -> bool:
    return bool(re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip())) and least <= int(text) <= most


def _is_real(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False
