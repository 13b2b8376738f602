"""Saves steps 1 and 2 into folder argv[1]; a fault may end it on the way. ``--limit BYTES``: of a file."""

import resource
import signal
import sys
from pathlib import Path

import numpy as np

from gluonlab import fault_injection
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.errors import CheckpointError

store = CheckpointStore(Path(sys.argv[1]), keep=2)
tensors = {
    "model": {"w": np.arange(100_000, dtype=np.float32)},
    "optimizer": {"w": np.ones(1000, np.float32)},
}
store.save(1, tensors, {"step": 1})
fault_injection.arm(rank=0)
if len(sys.argv) > 2:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    store.save(2, tensors, {"step": 2})
except CheckpointError as error:
    sys.exit(str(error))
