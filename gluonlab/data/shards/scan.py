"""What lies where in a shard: looked for here where our own code reads it, else in a child process.

``python -m gluonlab.data.shards.scan PATH UNPACKED OUT`` looks through a Parquet file; `scan` runs it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from gluonlab.data.shards import ShardKind
from gluonlab.data.shards.layout import Layout, load_layout
from gluonlab.errors import DataError, GluonlabError, Problem, SetupError


def scan(kind: ShardKind, path: Path, unpacked: Path) -> Layout:
    """The images of the shard ``path``, which are written to ``unpacked`` if they cannot be read from it.

    Raises:
        DataError: DAT01 no samples, DAT04 damaged or cut short, DAT05 another format or columns of another
            type, DAT12 a label is missing or none, DAT40 it kills what reads it, DAT45 a key comes twice.
        SetupError: ENV31 a package that reads it is not installed.
    """
    if not path.is_file():
        raise DataError("DAT01", str(path), "no such shard")
    if kind == "webdataset":
        from gluonlab.data.shards.tar import scan_tar

        return scan_tar(path)
    if kind == "mds":
        from gluonlab.data.shards.mds import scan_mds

        return scan_mds(path, unpacked)
    return _scan_in_child(path, unpacked)


def _scan_in_child(path: Path, unpacked: Path) -> Layout:
    with tempfile.TemporaryDirectory(prefix="gluonlab-scan-") as folder:
        out = Path(folder, "layout.safetensors")
        words = [sys.executable, "-m", __name__, str(path.absolute()), str(unpacked), str(out)]
        job = subprocess.run(words, capture_output=True, text=True, check=False)
        if job.returncode == 0:
            return load_layout(out)
        if job.returncode == 1 and job.stdout:
            code, where, what, hint = json.loads(job.stdout)
            kind = SetupError if code.startswith("ENV") else DataError
            raise kind.from_problems([Problem(code, where, what, hint)])
        how = signal.Signals(-job.returncode).name if job.returncode < 0 else f"exit code {job.returncode}"
        last = job.stderr.strip().splitlines()[-1:]
        raise DataError("DAT40", str(path), f"kills what reads it ({': '.join([how, *last])})")


def main(path: str, unpacked: str, out: str) -> int:
    """Write the layout of the Parquet file PATH to OUT, or say what is wrong with it."""
    from gluonlab.data.shards.parquet import scan_parquet

    try:
        scan_parquet(Path(path), Path(unpacked)).save(Path(out))
    except GluonlabError as error:
        problem = error.problems[0]
        print(json.dumps([problem.code, problem.where, problem.what, problem.hint]))
        return 1
    except OSError as error:
        print(json.dumps(["DAT04", path, f"{error.strerror or error}", ""]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
