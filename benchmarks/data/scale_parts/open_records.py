"""Opens a record file and says what it cost: open_records.py index|no-index|verified PATH."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from gluonlab.data.recordio import RecordReader
from gluonlab.data.verification.verify import verified


def resident(key: str) -> int:
    """Bytes of this process: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def main(kind: str, path: str) -> None:
    """Open it once."""
    place = Path(path)
    if kind == "no-index":  # another name, beside which no index lies
        place = Path(path).with_name("alone.rec")
        place.unlink(missing_ok=True)
        place.symlink_to(path)
    before = resident("VmRSS")
    start = time.perf_counter()
    if kind == "verified":
        index = verified("record", place)
        reader = RecordReader(place, table=index.table)
        arrays = [getattr(index.records, name) for name in vars(index.records)] + [reader.ends]
    else:
        reader = RecordReader(place)
        arrays = [reader.offsets, reader.ends]
    seconds = time.perf_counter() - start
    reader.read(len(reader) - 1)
    result = {
        "seconds": seconds,
        "index_bytes": sum(array.nbytes for array in arrays),
        "resident_growth_bytes": resident("VmRSS") - before,
        "peak_growth_bytes": resident("VmHWM") - before,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
