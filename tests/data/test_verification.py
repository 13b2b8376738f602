"""Verification in child processes, what it remembers, and what happens to what is bad."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from safetensors import safe_open
from safetensors.numpy import save_file

from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.data.verification import verify as module
from gluonlab.data.verification.index import SUFFIX, load_index
from gluonlab.data.verification.verify import identify, remember, verified, verify
from gluonlab.data.verified_source import Selection, open_verified
from gluonlab.errors import DataError

IMAGE = cv2.GaussianBlur(np.random.RandomState(0).randint(0, 256, (40, 48, 3)).astype(np.uint8), (0, 0), 2)
GOOD = simplejpeg.encode_jpeg(IMAGE, 90)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def write(path, payloads, labels=None):
    with RecordWriter(path) as writer:
        for index, payload in enumerate(payloads):
            writer.write(pack_image_record(labels[index] if labels else index % 3, index, payload))
    return path


def count_verifications(monkeypatch):
    calls = []
    real = module.verify

    def counting(*arguments, **options):
        calls.append(arguments)
        return real(*arguments, **options)

    monkeypatch.setattr(module, "verify", counting)
    return calls


def test_a_good_file_is_looked_at_once(tmp_path, monkeypatch):
    path = write(tmp_path / "a.rec", [GOOD] * 5)
    calls = count_verifications(monkeypatch)
    source = open_verified("record", [path], 3)
    assert source.is_verified
    assert source.labels.tolist() == [0, 1, 2, 0, 1]
    assert np.array_equal(source.image(4), simplejpeg.decode_jpeg(GOOD, "RGB"))
    open_verified("record", [path], 3)
    assert len(calls) == 1
    os.utime(path)  # a copy has another date, and the same content
    open_verified("record", [path], 3)
    open_verified("record", [path], 3)
    assert len(calls) == 1
    write(path, [GOOD] * 6)
    assert len(open_verified("record", [path], 3)) == 6
    assert len(calls) == 2


def test_any_number_of_processes_finds_the_same(tmp_path):
    path = write(tmp_path / "a.rec", [GOOD] * 20 + [b"<html>"] + [GOOD] * 9)
    indexes = [verify("record", path, processes=processes) for processes in (1, 2, 3)]
    assert all(index.bad == indexes[0].bad and set(index.bad) == {20} for index in indexes)
    assert len({index.records.crcs.tobytes() for index in indexes}) == 1


def test_bad_records_are_an_error_that_names_all_of_the_first_ten(tmp_path):
    payloads = [GOOD] * 20
    for number in range(2, 14):
        payloads[number] = b"<html>"
    path = write(tmp_path / "a.rec", payloads)
    with pytest.raises(DataError) as caught:
        open_verified("record", [path], 3)
    problems = caught.value.problems
    assert [p.where.split(" at")[0] for p in problems[:10]] == [f"a.rec: record {i}" for i in range(2, 12)]
    assert {p.code for p in problems[:10]} == {"DAT06"}
    assert "12 bad records in all" in problems[10].what


def test_bad_records_can_be_left_out_and_are_listed(tmp_path):
    labels = [0, 1, 2, 7, 1, 0, 2, 1, 0, 2]
    path = write(tmp_path / "a.rec", [GOOD, b"", *[GOOD] * 8], labels)
    with pytest.raises(DataError, match=r"DAT41.*2 of 10 records are bad, more than 0.1"):
        open_verified("record", [path], 3, max_bad_fraction=0.1)
    source = open_verified("record", [path], 3, max_bad_fraction=0.2)
    assert isinstance(source, Selection)
    assert source.labels.tolist() == [0, 2, 1, 0, 2, 1, 0, 2]
    assert source.where(1).startswith("a.rec: record 2 at byte")
    assert source.encoded(1) == GOOD
    assert source.image(7).shape == IMAGE.shape
    ledger = [json.loads(line) for line in (tmp_path / "a.bad.jsonl").read_text().splitlines()]
    assert [(row["record"], row["code"]) for row in ledger] == [(1, "DAT06"), (3, "DAT12")]


@pytest.mark.parametrize("max_bad_fraction", [None, 1.0])
def test_a_wrong_index_is_told_once_and_forgotten_when_it_is_mended(tmp_path, max_bad_fraction):
    path = write(tmp_path / "a.rec", [GOOD] * 6)
    index = path.with_suffix(".idx")
    right = index.read_text()
    index.write_text("0\t0\n1\t52\n2\t104\n")
    with pytest.raises(DataError) as caught:
        open_verified("record", [path], 3, max_bad_fraction)
    told = "error[DAT03] a.idx line 2: offset 52 is not a record of a.rec"
    assert str(caught.value) == told
    index.write_text(right)
    assert open_verified("record", [path], 3, max_bad_fraction).labels.tolist() == [0, 1, 2] * 2


def test_a_file_that_changes_after_verification_is_noticed(tmp_path):
    path = write(tmp_path / "a.rec", [GOOD] * 3)
    source = open_verified("record", [path], 3)
    offset = int(source._reader.offsets[1]) + 300
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    source.image(0)
    with pytest.raises(DataError, match=r"DAT08\] a.rec: record 1 at byte \d+: differs from its checksum"):
        source.image(1)


def test_a_folder_is_verified_and_remembered_in_the_cache(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "1.jpg").write_bytes(GOOD)
    calls = count_verifications(monkeypatch)
    for _ in range(2):
        source = open_verified("folder", [tmp_path / "in"], 2)
        assert source.is_verified
        assert source.image(1).shape == IMAGE.shape
    assert len(calls) == 1
    assert sorted(os.listdir(tmp_path / "in")) == ["a", "b"]
    (tmp_path / "in" / "b" / "2.jpg").write_bytes(GOOD[:100])
    with pytest.raises(DataError, match=r"DAT06.*b/2.jpg"):
        open_verified("folder", [tmp_path / "in"], 2)
    assert len(open_verified("folder", [tmp_path / "in"], 2, max_bad_fraction=0.5)) == 2


def test_an_index_that_cannot_lie_beside_the_file_goes_to_the_cache(tmp_path, monkeypatch):
    path = write(tmp_path / "a.rec", [GOOD] * 3)
    (tmp_path / ("a" + SUFFIX)).mkdir()  # in the way; root may write anywhere else
    calls = count_verifications(monkeypatch)
    for _ in range(2):
        assert len(verified("record", path).records) == 3
    assert len(calls) == 1


def test_an_index_of_the_first_format_is_read_without_digests(tmp_path, monkeypatch):
    path = write(tmp_path / "a.rec", [GOOD] * 3)
    index = verify("record", path)
    assert len(set(index.records.digests.tolist())) == 1
    place = remember(index, path)
    with safe_open(place, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys() if name != "digests"}  # noqa: SIM118
        metadata = {**file.metadata(), "format": "gluonlab verified index 1"}
    save_file(arrays, place, metadata)
    calls = count_verifications(monkeypatch)
    assert open_verified("record", [path], 3).digests.tolist() == [0, 0, 0]
    assert not calls


def test_a_damaged_index_is_made_again(tmp_path):
    path = write(tmp_path / "a.rec", [GOOD] * 3)
    place = remember(verify("record", path), path)
    whole = place.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(300):
        content = bytearray(whole)
        if generator.random() < 0.3:
            content = content[: generator.integers(len(content))]
        for position in generator.integers(0, max(len(content), 1), 3):
            if position < len(content):
                content[position] = generator.integers(256)
        place.write_bytes(content)
        index = load_index(place)  # never raises
        assert index is None or len(index.records.offsets) == len(index.records.crcs)
    place.write_bytes(whole[:50])
    assert len(verified("record", path).records) == 3
    assert load_index(place).identity == identify("record", path)


def test_a_record_that_kills_the_child_is_named_and_the_rest_goes_on(tmp_path, monkeypatch):
    path = write(tmp_path / "a.rec", [GOOD] * 9)
    # The child of this test dies of record 4 as a decoder with a fault would.
    script = tmp_path / "child.py"
    script.write_text(
        "import os, signal, sys\n"
        "from gluonlab.data.verification import child\n"
        "inspect = child.inspect\n"
        "def faulty(samples, number):\n"
        "    if number == 4:\n"
        "        os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    return inspect(samples, number)\n"
        "child.inspect = faulty\n"
        "child.main(*sys.argv[1:])\n"
    )
    real = module.subprocess.Popen

    def popen(command, **options):
        return real([sys.executable, str(script), *command[3:]], **options)

    monkeypatch.setattr(module.subprocess, "Popen", popen)
    index = verify("record", path)
    assert set(index.bad) == {4}
    assert index.bad[4].code == "DAT40"
    assert signal.SIGSEGV.name in index.bad[4].what
    assert (index.records.crcs[5:] > 0).all()


def test_a_record_that_hangs_the_child_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "a.rec", [GOOD] * 3)
    script = tmp_path / "child.py"
    script.write_text(
        "import sys, time\n"
        "from gluonlab.data.verification import child\n"
        "inspect = child.inspect\n"
        "def faulty(samples, number):\n"
        "    if number == 1:\n"
        "        time.sleep(60)\n"
        "    return inspect(samples, number)\n"
        "child.inspect = faulty\n"
        "child.main(*sys.argv[1:])\n"
    )
    real = module.subprocess.Popen
    monkeypatch.setattr(
        module.subprocess, "Popen", lambda c, **o: real([sys.executable, str(script), *c[3:]], **o)
    )
    monkeypatch.setattr(module, "SECONDS_PER_CHUNK", 4.0)
    started = time.monotonic()
    index = verify("record", path)
    assert set(index.bad) == {1}
    assert "SIGKILL" in index.bad[1].what
    assert time.monotonic() - started < 40


def test_an_image_bomb_needs_no_more_than_its_header(tmp_path):
    bomb = bytearray(GOOD)
    at = bomb.find(b"\xff\xc0")
    bomb[at + 5 : at + 9] = b"\xff\xdc\xff\xdc"  # 65,500 x 65,500
    path = write(tmp_path / "a.rec", [GOOD, bytes(bomb)])
    started = time.monotonic()
    index = verify("record", path)
    assert set(index.bad) == {1}
    assert index.bad[1].code == "DAT07"
    assert "65500 x 65500 = 4,290,250,000 pixels" in index.bad[1].what
    assert time.monotonic() - started < 20


def test_identity_of_what_is_missing(tmp_path):
    with pytest.raises(DataError, match="DAT01"):
        identify("record", tmp_path / "none.rec")
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
