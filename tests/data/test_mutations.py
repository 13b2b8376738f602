"""A hundred thousand damaged inputs: each is read or refused, at once, in bounded memory."""

import resource
import time
from contextlib import suppress
from functools import wraps
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluonlab.data.decode import decode_image
from gluonlab.data.list_file import parse_line
from gluonlab.data.mnist import read_idx
from gluonlab.data.record_source import RecordSource, class_label
from gluonlab.data.recordio import RecordWriter, pack_image_record, unpack_image_record
from gluonlab.data.recordio.index import parse_index
from gluonlab.errors import DataError

pytestmark = pytest.mark.slow

PIXELS = cv2.GaussianBlur(np.random.RandomState(0).randint(0, 256, (24, 32, 3)).astype(np.uint8), (0, 0), 2)
JPEG = simplejpeg.encode_jpeg(PIXELS, 90, "RGB")
PNG = cv2.imencode(".png", PIXELS)[1].tobytes()
IMAGES = {
    "jpeg": JPEG,
    "png": PNG,
    "bmp": cv2.imencode(".bmp", PIXELS)[1].tobytes(),
    "webp": cv2.imencode(".webp", PIXELS)[1].tobytes(),
}
GROWTH = 256 << 20  # bytes of resident memory that may come while thousands of inputs are read

edits = st.lists(
    st.tuples(st.integers(0, 2**16), st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 127, 128, 255]))),
    min_size=1,
    max_size=6,
)
cuts = st.one_of(st.just(0), st.just(0), st.integers(0, 2000))


def damaged(content, edits, cut):
    content = bytearray(content)
    for position, value in edits:
        content[position % len(content)] = value
    return bytes(content[: max(len(content) - cut, 0)])


def many(count):
    return settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def at_once(test):
    """``test`` must compute for less than a second; other processes of the machine do not count."""

    @wraps(test)
    def timed(**arguments):
        start = time.process_time()
        test(**arguments)
        assert time.process_time() - start < 1

    return timed


@pytest.fixture(autouse=True, scope="module")
def memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GROWTH


@pytest.fixture(scope="module")
def record_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "good.rec"
    with RecordWriter(path) as writer:
        for number in range(4):
            writer.write(pack_image_record(number, number, JPEG))
        writer.write(pack_image_record(np.array([3], np.float32), 4, PNG))
    return path


@many(30_000)
@given(edits=edits, cut=cuts, damages=st.sampled_from(["rec", "idx", "only rec"]))
@at_once
def test_record_files_and_indexes(record_file, edits, cut, damages):
    bad = record_file.with_name("bad.rec")
    kind = damages[-3:]
    for suffix in ("rec", "idx"):
        content = record_file.with_suffix(f".{suffix}").read_bytes()
        bad.with_suffix(f".{suffix}").write_bytes(damaged(content, edits, cut) if suffix == kind else content)
    if damages == "only rec":
        bad.with_suffix(".idx").unlink()
    try:
        source = RecordSource(bad)
    except DataError:
        return
    for number in range(len(source)):
        with suppress(DataError):
            source.encoded(number)


@many(20_000)
@given(edits=edits, cut=cuts)
@at_once
def test_index_text(edits, cut):
    text = b"".join(b"%d\t%d\n" % (number, number * 1000) for number in range(50))
    try:
        offsets = parse_index(damaged(text, edits, cut), "bad.idx")
    except DataError:
        return
    assert offsets.dtype == np.int64
    assert len(np.unique(offsets)) == len(offsets)


@many(20_000)
@given(edits=edits, cut=cuts, labels=st.integers(0, 3))
@at_once
def test_headers_and_labels(edits, cut, labels):
    label = np.arange(labels, dtype=np.float32) if labels else 3.0
    good = pack_image_record(label, 1, JPEG[:40])
    edits = [(position % 24, value) for position, value in edits]
    try:
        found, _, payload = unpack_image_record(damaged(good, edits, cut))
        assert 0 <= class_label(found, "record 0") + 2**31 < 2**32
    except DataError:
        return
    assert len(payload) <= len(good)


@many(30_000)
@given(kind=st.sampled_from(sorted(IMAGES)), edits=edits, cut=cuts)
@at_once
def test_images(kind, edits, cut):
    try:
        image = decode_image(damaged(IMAGES[kind], edits, cut), "record 0")
    except DataError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3


@many(10_000)
@given(st.one_of(st.text(max_size=60), st.text("\t0123456789.-+einfa/\\ \0", max_size=30)))
@at_once
def test_lines_of_lists(line):
    try:
        file, label, id = parse_line(line, {"cat": 0})
    except ValueError:
        return
    assert ".." not in Path(file).parts
    assert 0 <= label < 2**24
    assert -1 <= id < 2**63


@many(10_000)
@given(edits=edits, cut=cuts)
@at_once
def test_idx_files(record_file, edits, cut):
    path = record_file.with_name("images-idx3-ubyte")
    good = b"\0\0\x08\x03" + np.array([3, 28, 28], ">u4").tobytes() + bytes(3 * 28 * 28)
    edits = [(position % 16, value) for position, value in edits]
    path.write_bytes(damaged(good, edits, cut))
    try:
        assert read_idx(path, (28, 28)).shape == (3, 28, 28)
    except DataError:
        return
