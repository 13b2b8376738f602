from __future__ import annotations

import copy
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluonlab.data.recordio import (
    MAGIC_BYTES,
    RecordReader,
    RecordWriter,
    frame,
    pack_image_record,
    parse_index,
    unpack_image_record,
)
from gluonlab.errors import DataError

M = MAGIC_BYTES
PAYLOADS = [
    b"",
    b"a",
    b"four",
    b"x" * 1001,
    M,
    M + M,
    M + b"tail",
    b"head" + M,
    b"head" + M + b"mid!" + M + b"end",
    b"odd" + M + b"not aligned, so not cut",
    b"abcd" + M[:3],
    b"zz" + M + M + M,
]


def write(path, payloads=PAYLOADS):
    with RecordWriter(path) as writer:
        for payload in payloads:
            writer.write(payload)
    return path


def write_with_mxnet(prefix, payloads):
    from gluonlab.runtime.mxnet import mx

    records = mx.recordio.MXIndexedRecordIO(f"{prefix}.idx", f"{prefix}.rec", "w")
    for key, payload in enumerate(payloads):
        records.write_idx(key, payload)
    records.close()


def refused(code, *words):
    return pytest.raises(DataError, match=rf"(?s)^error\[{code}\].*" + ".*".join(words))


def test_files_are_byte_for_byte_those_of_mxnet(tmp_path):
    write(tmp_path / "ours.rec")
    write_with_mxnet(tmp_path / "theirs", PAYLOADS)
    assert (tmp_path / "ours.rec").read_bytes() == (tmp_path / "theirs.rec").read_bytes()
    assert (tmp_path / "ours.idx").read_bytes() == (tmp_path / "theirs.idx").read_bytes()


def test_reads_what_mxnet_wrote(tmp_path):
    write_with_mxnet(tmp_path / "a", PAYLOADS)
    reader = RecordReader(tmp_path / "a.rec")
    assert [reader.read(i) for i in range(len(reader))] == PAYLOADS


def test_mxnet_reads_what_we_wrote(tmp_path):
    from gluonlab.runtime.mxnet import mx

    write(tmp_path / "a.rec", PAYLOADS[1:])  # MXNet takes an empty record for the end of the file
    records = mx.recordio.MXIndexedRecordIO(str(tmp_path / "a.idx"), str(tmp_path / "a.rec"), "r")
    assert [records.read_idx(key) for key in records.keys] == PAYLOADS[1:]
    records.close()


@pytest.mark.filterwarnings("ignore:tostring:DeprecationWarning")  # in MXNet
@pytest.mark.parametrize("label", [3.0, np.array([1, 2.5, -3], np.float32)], ids=["one", "several"])
def test_image_record_is_that_of_mxnet(label):
    from gluonlab.runtime.mxnet import mx

    theirs = mx.recordio.pack(mx.recordio.IRHeader(0, label, 17, 0), b"image")
    assert pack_image_record(label, 17, b"image") == theirs
    read, number, payload = unpack_image_record(theirs)
    np.testing.assert_array_equal(read, label)
    assert (number, payload) == (17, b"image")


@given(st.lists(st.sampled_from([M, b"a", b"bcd", b"four", M[:2]]), max_size=12).map(b"".join))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_payload_comes_back(tmp_path, payload):
    (tmp_path / "a.rec").write_bytes(frame(payload))
    assert RecordReader(tmp_path / "a.rec").read(0) == payload


def test_missing_index_is_rebuilt_and_said(tmp_path, caplog):
    path = write(tmp_path / "a.rec")
    offsets = RecordReader(path).offsets
    (tmp_path / "a.idx").unlink()
    with caplog.at_level("INFO", "gluonlab"):
        reader = RecordReader(path)
    np.testing.assert_array_equal(reader.offsets, offsets)
    assert reader.read(3) == PAYLOADS[3]
    assert "a.rec: no index beside it" in caplog.text
    assert not (tmp_path / "a.idx").exists()


def test_order_is_that_of_the_index(tmp_path):
    path = write(tmp_path / "a.rec")
    lines = (tmp_path / "a.idx").read_text().splitlines(keepends=True)
    (tmp_path / "a.idx").write_text("".join(reversed(lines)))
    reader = RecordReader(path)
    assert [reader.read(i) for i in range(len(reader))] == PAYLOADS[::-1]


def test_many_threads_and_copies_read_alike(tmp_path):
    reader = RecordReader(write(tmp_path / "a.rec"))
    twin = copy.deepcopy(reader)  # what spawn does
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(reader.read, list(range(len(PAYLOADS))) * 20)) == PAYLOADS * 20
    reader.close()
    assert twin.read(3) == PAYLOADS[3]


def test_heads_are_the_starts_of_the_payloads(tmp_path):
    heads, lengths = RecordReader(write(tmp_path / "a.rec")).read_heads(0, len(PAYLOADS), 10)
    assert lengths.tolist() == [len(payload) for payload in PAYLOADS]
    assert [head.tobytes() for head in heads] == [payload[:10].ljust(10, b"\0") for payload in PAYLOADS]


def test_missing_and_empty_files(tmp_path):
    with refused("DAT01", "no such file"):
        RecordReader(tmp_path / "a.rec")
    (tmp_path / "a.rec").touch()
    with refused("DAT01", "0 records"):
        RecordReader(tmp_path / "a.rec")
    path = write(tmp_path / "b.rec")
    with refused("DAT01", "other.idx"):
        RecordReader(path, tmp_path / "other.idx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "empty"),
        (b"garbage", "line 1: not a key"),
        (b"0\t0\n1\t16\n\n2\t32\n", "line 3: not a key"),
        (b"0\t0\n1 16\n", "line 2"),
        (b"0\t0\n1\t-16\n", "line 2"),
        (b"0\t0\n1\t99999999999999999999999\n", "line 2"),
        (b"0\t0\n1\t16\t3\n", "line 2"),
        (b"0\t0\r\n", "line 1"),
        (b"0\t0\n\xff\t16\n", "line 2"),
        (b"0\t0\n1\t16\n0\t32\n", "line 3: key 0 given twice"),
        (b"0\t0\n1\t16\n2\t0\n", "line 3: offset 0 given twice"),
    ],
)
def test_bad_index_text(text, message):
    with refused("DAT03", "a.idx", message):
        parse_index(text, "a.idx")


def test_index_may_lack_the_last_newline():
    assert parse_index(b"7\t0\n9\t16", "a.idx").tolist() == [0, 16]


@pytest.mark.parametrize(
    ("shift", "message"),
    [(2, "not a record"), (4, "not a record"), (1 << 40, "beyond the")],
    ids=["odd", "inside", "beyond"],
)
def test_wrong_offset_names_its_line(tmp_path, shift, message):
    path = write(tmp_path / "a.rec", [b"payload"] * 8)
    offsets = [16 * i for i in range(8)]
    offsets[5] += shift
    (tmp_path / "a.idx").write_text("".join(f"{i}\t{o}\n" for i, o in enumerate(offsets)))
    with refused("DAT03", "a.idx line 6: offset", message):
        RecordReader(path).read_heads(0, 8, 4)


@pytest.mark.parametrize("listed", [(1, 2, 3, 4, 5, 6, 7), (0, 1, 2, 4, 5, 6, 7), (6, 2), range(7)])
def test_an_index_of_some_of_the_records_chooses_them(tmp_path, listed):
    path = write(tmp_path / "a.rec", [b"payload"] * 8)
    (tmp_path / "a.idx").write_text("".join(f"{i}\t{16 * i}\n" for i in listed))
    reader = RecordReader(path)
    assert reader.offsets.tolist() == [16 * i for i in listed]
    assert all(reader.read(i) == b"payload" for i in range(len(listed)))
    assert reader.listed_fraction == len(listed) / 8
    heads, lengths = reader.read_heads(0, len(listed), 4)
    assert (heads.shape, set(lengths.tolist())) == ((len(listed), 4), {7})


def test_between_listed_records_only_records_may_lie(tmp_path):
    path = write(tmp_path / "a.rec", [b"payload"] * 8)
    (tmp_path / "a.idx").write_text("0\t0\n6\t96\n")
    content = bytearray(path.read_bytes())
    content[48:52] = b"XXXX"
    path.write_bytes(content)
    with refused("DAT04", "a.rec: record 0 at byte 0: no record starts at byte 48"):
        RecordReader(path).read(0)
    assert RecordReader(path).read(1) == b"payload"
    (tmp_path / "a.idx").write_text("6\t96\n")
    with refused("DAT04", "a.rec: byte 0: no record starts at byte 48"):
        RecordReader(path)


@pytest.mark.parametrize("has_index", [True, False])
@pytest.mark.parametrize(
    ("position", "damage", "message"),
    [
        (80, b"\0\0\0\0", "bad magic"),
        (84, b"\xff\xff\xff\x1f", "truncated"),
        (84, b"\x08\0\0\x20", "bad magic|part flag|no record"),
        (87, b"\x60", "part flag 3"),
        (87, b"\xe0", "part flag 7"),
    ],
    ids=["magic", "length", "open parts", "last first", "no flag"],
)
def test_damaged_record_is_named(tmp_path, has_index, position, damage, message):
    path = write(tmp_path / "a.rec", [b"payload"] * 8)
    content = bytearray(path.read_bytes())
    content[position : position + len(damage)] = damage
    path.write_bytes(content)
    if not has_index:
        (tmp_path / "a.idx").unlink()
    with refused("DAT04", "a.rec: record 5 at byte 80", message):
        RecordReader(path).read(5)


@pytest.mark.parametrize("cut", [1, 4, 9, 12])
def test_truncated_file(tmp_path, cut):
    path = write(tmp_path / "a.rec", [b"payload"] * 8)
    os.truncate(path, 128 - cut)
    with refused("DAT04", "a.rec: record 7 at byte 112: truncated"):
        RecordReader(path).read(7)
    (tmp_path / "a.idx").unlink()
    with refused("DAT04", "a.rec: record 7 at byte 112: truncated"):
        RecordReader(path)


def test_file_cut_between_records(tmp_path):
    path = write(tmp_path / "a.rec", [b"payload"] * 8)
    os.truncate(path, 96)
    with refused("DAT03", "a.idx line 7: offset 96 beyond the 96 bytes of a.rec"):
        RecordReader(path)


def test_header_that_promises_too_much():
    with refused("DAT05", "here: 5 bytes"):
        unpack_image_record(b"short", "here")
    with refused("DAT05", "promises 4000000000 labels"):
        unpack_image_record(b"\0\x28\x6b\xee" + bytes(40))


def test_failed_writing_leaves_the_old_files(tmp_path):
    path = write(tmp_path / "a.rec")
    before = path.read_bytes()
    with pytest.raises(TypeError), RecordWriter(path) as writer:
        writer.write("no bytes")
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.idx", "a.rec"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    write(folder / "good.rec", PAYLOADS)
    return folder


@given(
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    target=st.sampled_from(["rec", "idx"]),
    cut=st.one_of(st.just(0), st.integers(0, 400)),
)
@settings(max_examples=400, deadline=None)
def test_damage_gives_a_data_error_or_bytes_of_the_file(small, edits, target, cut):
    good = {suffix: (small / f"good.{suffix}").read_bytes() for suffix in ("rec", "idx")}
    bad = {suffix: bytearray(content) for suffix, content in good.items()}
    content = bad[target]
    for position, value in edits:
        content[position % len(content)] = value
    del content[len(content) - cut :]
    for suffix, content in bad.items():
        (small / f"bad.{suffix}").write_bytes(content)
    try:
        reader = RecordReader(small / "bad.rec")
    except DataError:
        return
    ends = [*RecordReader(small / "good.rec").offsets[1:], len(good["rec"])]
    for index, offset in enumerate(reader.offsets):
        untouched = target == "rec" and bad["rec"][offset : ends[index]] == good["rec"][offset : ends[index]]
        try:
            payload = reader.read(index)
        except DataError:
            assert not untouched
            continue
        assert all(piece in bad["rec"] for piece in payload.split(M))
        assert not untouched or payload == PAYLOADS[index]
        assert target == "rec" or payload in PAYLOADS
