"""Started by the tests as one worker of a kvstore job, or alone: sums over devices and processes as JSON.

usage: kvstore_sums.py OUT
"""

import json
import sys
from pathlib import Path

from gluonlab.parallel.environment import launched_process
from gluonlab.parallel.kvstore_world import KVStoreWorld
from gluonlab.runtime.mxnet import mx, nd


def main(out):
    process = launched_process()
    world = KVStoreWorld("dist_sync" if process.size > 1 else "device", process)
    # What MXNet's own server would unpickle; ours says no and lives on.
    if process.size > 1 and world.rank == 0:
        world._kvstore._send_command_to_servers(0, "cos\nsystem\n(S'touch pwned'\ntR.")
    devices = [mx.cpu(0), mx.cpu(1)]
    for _ in range(2):
        copies = [nd.full((3,), 10 * world.rank + number, ctx) for number, ctx in enumerate(devices, start=1)]
        half = nd.array([0.5], dtype="float16")
        world.sum([copies, half], "sums")
    texts = world.exchange("x" * 300 if world.rank else "")  # longer than the first size of a row
    seen = {
        "sums": [copy.asnumpy().tolist() for copy in copies],
        "devices": [str(copy.context) for copy in copies],
        "half": float(half.asscalar()),
        "lengths": [len(text) for text in texts],
    }
    Path(out, f"{world.rank}.json").write_text(json.dumps(seen))
    world.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
