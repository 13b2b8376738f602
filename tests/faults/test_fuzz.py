"""Readers of files and sockets that meet bytes of anybody: our own error or a value, never a crash, never a hang.

By default a few hundred mutations each, in the long run (``-m slow``) a hundred thousand.
"""

import json
import random
import resource
import time

import numpy as np
import pytest

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.tensors import read_tensors
from gluonlab.checkpoint.verify import read_checkpoint
from gluonlab.config import load_config
from gluonlab.data.recordio import RecordReader, RecordWriter, pack_image_record, parse_index
from gluonlab.errors import GluonlabError
from gluonlab.launch.hosts import parse_hosts
from gluonlab.supervision.failure import FailureReport, report_of
from gluonlab.supervision.messages import encode
from gluonlab.supervision.switchboard import RankView, Switchboard
from gluonlab.weights.files import read_weights
from gluonlab.weights.mxnet_params import write_params


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A file that a mutated manifest names never comes."""
    monkeypatch.setattr("gluonlab.retry.PAUSES", ())


ARRAYS = {"w": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.zeros(3, np.float32)}


def mutated(raw, rng):
    """``raw`` with a few bytes changed, cut, doubled or replaced by numbers that hurt."""
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place : place + rng.choice((1, 4, 64, 10_000))]
        elif kind == 2:
            data[place:place] = data[rng.randrange(len(data) + 1) :][: rng.choice((1, 8, 200))]
        elif kind == 3:
            hurting = rng.choice(
                (b"\xff" * 8, b"\0" * 8, b"\xff\xff\xff\x7f", b"1e999", b"-1", b"[" * 50, b"null")
            )
            data[place : place + len(hurting)] = hurting
        else:
            data[place : place + 1] = bytes([rng.randrange(256)])
        if not data:
            data = bytearray(b"\0")
    return bytes(data)


@pytest.fixture
def checkpoint(tmp_path):
    return CheckpointStore(tmp_path / "c").save(1, {"model": ARRAYS, "optimizer": {}}, {"step": 1})


def manifest_case(tmp_path):
    path = CheckpointStore(tmp_path / "c").save(1, {"model": ARRAYS}, {"step": 1})
    return (
        (path / "MANIFEST.json").read_bytes(),
        path / "MANIFEST.json",
        lambda file: read_checkpoint(file.parent),
    )


def tensors_case(tmp_path):
    path = CheckpointStore(tmp_path / "c").save(1, {"model": ARRAYS}, {"step": 1})
    return (path / "model.safetensors").read_bytes(), tmp_path / "x.safetensors", read_tensors


def params_case(tmp_path):
    write_params(tmp_path / "x.params", ARRAYS)
    return (tmp_path / "x.params").read_bytes(), tmp_path / "x.params", read_weights


def recipe_case(tmp_path):
    from pathlib import Path

    raw = (Path(__file__).parents[2] / "configs/digits.yaml").read_bytes()
    return raw, tmp_path / "recipe.yaml", load_config


def index_case(tmp_path):
    return b"0\t0\n1\t48\n2\t96\n", tmp_path / "x.idx", lambda path: parse_index(path.read_bytes(), "x.idx")


def record_case(tmp_path):
    with RecordWriter(tmp_path / "x.rec") as writer:
        for number in range(3):
            writer.write(pack_image_record(float(number), number, bytes(20 + number)))

    def read_all(path):
        reader = RecordReader(path)
        try:
            return [reader.read(number) for number in range(len(reader))]
        finally:
            reader.close()

    return (tmp_path / "x.rec").read_bytes(), tmp_path / "x.rec", read_all


PROMISES = {
    manifest_case: "R2", tensors_case: "R2", params_case: "R2", recipe_case: "R15", index_case: "R13", record_case: "R13",
}  # fmt: skip
CASES = list(PROMISES)


def fuzz(make_case, tmp_path, mutations, table):
    raw, file, read = make_case(tmp_path)
    rng, begun, slowest, refused = random.Random(make_case.__name__), time.monotonic(), 0.0, 0
    for number in range(mutations):
        data = mutated(raw, rng)
        file.write_bytes(data)
        start = time.monotonic()
        try:
            read(file)
        except GluonlabError:
            refused += 1
        except Exception as error:
            raise AssertionError(
                f"mutation {number}: {type(error).__name__}: {error}; {data[:300]!r}"
            ) from error
        slowest = max(slowest, time.monotonic() - start)
        assert slowest < 5, f"mutation {number} took too long"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 << 20  # KiB
    table.add(
        PROMISES[make_case],
        f"{mutations} mutations of a {make_case.__name__.replace('_case', '')}",
        f"{refused} refused, no crash, none took longer than {slowest:.1f} s",
        time.monotonic() - begun,
        "read or refused",
    )


@pytest.mark.parametrize("make_case", CASES, ids=lambda case: case.__name__)
def test_damaged_files_are_errors(make_case, tmp_path, table):
    fuzz(make_case, tmp_path, 300, table)


@pytest.mark.slow
@pytest.mark.parametrize("make_case", CASES, ids=lambda case: case.__name__)
def test_damaged_files_are_errors_a_hundred_thousand_times(make_case, tmp_path, table):
    fuzz(make_case, tmp_path, 100_000, table)


def fuzz_messages(mutations):
    rng, board = random.Random(1), Switchboard("127.0.0.1", 2)
    report = report_of(GluonlabError("BUG01", "x", "y"), 1)
    beat = {"step": 3, "phase": "training", "collectives": 2, "recent": ["g"], "idle": 0.5}
    samples = [{"beat": beat}, {"report": report}, {"stop": "SIGTERM"}, {"done": True}]
    for _ in range(mutations):
        raw = mutated(encode(rng.choice(samples)), rng)
        try:
            board._note(RankView(1, "a", 2, 0.0), json.loads(raw))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    assert FailureReport.from_json(report).exit_code == 70


def test_nonsense_from_a_process_is_not_believed():
    fuzz_messages(2000)


@pytest.mark.parametrize(
    "text", ["a:8;rm -rf /", "$(id):1", "a`id`", "--help", "a\n:1", "ä:1", "a:1e3", "a:-1", "a" * 300]
)
def test_host_names_that_are_none(text):
    with pytest.raises(GluonlabError):
        parse_hosts(text)
