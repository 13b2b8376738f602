"""MXNet under NumPy 1 and NumPy 2: the same calls under both, and what differs.

python -m benchmarks.machines.numpy_calls        # on Python 3.12, which both have wheels for; a minute

Writes benchmarks/results/numpy_calls.json; `python -m benchmarks.pages` puts it into docs/python.md.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from typing import Any

import numpy as np

from benchmarks.machines import numpy_calls_list
from benchmarks.tables import ROOT
from gluonlab.checkout import git_commit
from gluonlab.reporting.run_files import write_json
from gluonlab.runtime.mxnet import mx, nd

RESULT = ROOT / "benchmarks/results/numpy_calls.json"
VERSIONS = ("1.26.4", "2.5.5")

Outcome = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", action="store_true", help="print those of this NumPy, and no more")
    if parser.parse_args().outcomes:
        print(json.dumps(outcomes()))
        return
    found = [under(version) for version in VERSIONS]
    result = {
        "benchmark": "numpy_calls",
        "python": platform.python_version(),
        "mxnet": mx.__version__,
        "numpy": VERSIONS,
        "git_commit": git_commit(),
        "calls": {call: [outcome, found[1][call]] for call, outcome in found[0].items()},
    }
    write_json(RESULT, result)


def under(numpy: str) -> dict[str, Outcome]:
    """The outcome of each call in a process that has ``numpy`` of this version."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder]
        subprocess.run([*pip, f"numpy=={numpy}"], check=True)
        job = subprocess.run(
            [sys.executable, "-m", "benchmarks.machines.numpy_calls", "--outcomes"],
            env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
    return dict(json.loads(job.stdout))


def outcomes() -> dict[str, Outcome]:
    """What each call returns here, by its text."""
    tree = ast.parse(inspect.getsource(numpy_calls_list))
    texts = [ast.unparse(node.body) for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    assert len(texts) == len(numpy_calls_list.CALLS)
    return {text: _outcome(function) for text, function in zip(texts, numpy_calls_list.CALLS)}


def _outcome(function: Any) -> Outcome:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = function()
            outcome = {"value": _value(value), "shown": " ".join(repr(value).split())}
        except Exception as error:
            outcome = {"value": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    names = sorted({warning.category.__name__ for warning in caught})
    return {**outcome, "warns": ", ".join(names)} if names else outcome


def _value(value: Any) -> str:
    """Type and value as they are, whatever NumPy's ``repr`` makes of them."""
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_value, value))})"
    if isinstance(value, (nd.NDArray, np.ndarray, np.generic)):
        array = value.asnumpy() if isinstance(value, nd.NDArray) else value
        content = array.tolist() if array.dtype != object else f"of shape {array.shape}"
        return f"{type(value).__name__} {array.dtype} {content}"
    return f"{value}" if isinstance(value, str) else f"{type(value).__name__} {value}"


if __name__ == "__main__":
    main()
