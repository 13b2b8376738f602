from __future__ import annotations

import os
import runpy
import subprocess
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from gluonlab.data.classes import read_class_names
from gluonlab.data.digits import load_digits
from gluonlab.data.folder import FolderSource
from gluonlab.data.list_file import ListSource
from gluonlab.data.packing import pack_source, resize_shorter_side
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import unpack_image_record
from gluonlab.data.source import ArraySource
from gluonlab.data.verification.index import DTYPES, SUFFIX, load_index
from gluonlab.data.verification.verify import verify
from gluonlab.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (40, 10, 14, 3), dtype=np.uint8)
SMOOTH = cv2.GaussianBlur(RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8), (0, 0), 5)


def colour_source():
    return ArraySource(COLOUR, np.arange(40) % 10, "colour")


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    for name, count in (("dog", 2), ("cat", 3)):
        (root / name).mkdir(parents=True)
        for i in range(count):
            (root / name / f"{i}.jpg").write_bytes(simplejpeg.encode_jpeg(SMOOTH, 90 + i))
    (root / "cat" / "flat.PNG").write_bytes(cv2.imencode(".png", SMOOTH[:, :, 0])[1].tobytes())
    (root / "cat" / ".hidden.jpg").write_bytes(b"")
    (root / "cat" / "notes.txt").write_text("no image")
    (root / ".cache").mkdir()
    return root


@pytest.mark.parametrize("source", [load_digits("val"), colour_source()], ids=["gray", "colour"])
def test_png_round_trip_is_bit_equal_and_in_order(tmp_path, source):
    report = pack_source(source, tmp_path / "train", encoding="png", threads=2)
    read = RecordSource(tmp_path / "train.rec")
    assert (report.records, report.bytes) == (len(source), (tmp_path / "train.rec").stat().st_size)
    np.testing.assert_array_equal(read.labels, source.labels)
    for i in range(len(source)):
        np.testing.assert_array_equal(read.image(i), source.image(i))
        assert unpack_image_record(read._reader.read(i))[1] == i


def test_mxnet_reads_a_packed_set(tmp_path):
    from gluonlab.runtime.mxnet import mx

    source = colour_source()
    pack_source(source, tmp_path / "train", encoding="png")
    dataset = mx.gluon.data.vision.ImageRecordDataset(str(tmp_path / "train.rec"))
    image, label = dataset[7]
    np.testing.assert_array_equal(image.asnumpy(), source.image(7))
    assert (len(dataset), label) == (40, 7)


def test_folder_order_and_labels(photos):
    source = FolderSource(photos)
    assert source.classes == ("cat", "dog")
    assert [source.path(i).name for i in range(6)] == [
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "flat.PNG",
        "0.jpg",
        "1.jpg",
    ]
    assert source.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert source.image(0).shape == (60, 80, 3)
    assert source.image(3).shape == (60, 80, 1)
    assert source.where(4) == str(photos / "dog" / "0.jpg")


def test_keep_copies_the_files(photos, tmp_path):
    source = FolderSource(photos)
    calls = []
    pack_source(
        source,
        tmp_path / "out" / "train",
        encoding="keep",
        class_names=source.classes,
        progress=lambda done, total: calls.append((done, total)),
    )
    read = RecordSource(tmp_path / "out" / "train.rec")
    assert [read.encoded(i) for i in range(6)] == [source.encoded(i) for i in range(6)]
    assert read.classes == ("cat", "dog")
    assert calls == [(i, 6) for i in range(1, 7)]
    assert sorted(os.listdir(tmp_path / "out")) == [
        "train.classes.txt",
        "train.idx",
        "train.rec",
        "train.verified.safetensors",
    ]


def test_keep_with_resize_keeps_the_format(photos, tmp_path):
    pack_source(FolderSource(photos), tmp_path / "train", encoding="keep", resize=30)
    read = RecordSource(tmp_path / "train.rec")
    assert [read.encoded(i)[:2] for i in (0, 3)] == [b"\xff\xd8", b"\x89P"]
    assert [read.image(i).shape for i in (0, 3)] == [(30, 40, 3), (30, 40, 1)]
    assert read.classes == ()


def test_jpeg_is_close(tmp_path):
    source = ArraySource(SMOOTH[None], np.array([0]))
    pack_source(source, tmp_path / "a", encoding="jpeg", quality=95)
    np.testing.assert_allclose(RecordSource(tmp_path / "a.rec").image(0).astype(int), SMOOTH, atol=12)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (300, 7, 1), (20, 20, 1)])
def test_resize_of_extreme_shapes(shape):
    resized = resize_shorter_side(np.zeros(shape, np.uint8), 20)
    assert min(resized.shape[:2]) == 20
    assert resized.shape[2] == shape[2]


def test_undecodable_file_leaves_nothing(photos, tmp_path):
    (photos / "dog" / "1.jpg").write_bytes(b"<html>")
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"DAT06.*dog/1.jpg"):
        pack_source(FolderSource(photos), out / "train", encoding="keep")
    assert os.listdir(out) == []


def stop_after(count):
    def progress(done, total):
        if done == count:
            raise KeyboardInterrupt

    return progress


def test_stopped_packing_leaves_the_old_set(tmp_path):
    pack_source(load_digits("val"), tmp_path / "train", encoding="png", class_names=list("0123456789"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyboardInterrupt):
        pack_source(colour_source(), tmp_path / "train", encoding="png", progress=stop_after(20))
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert set(os.listdir(tmp_path)) - set(before) == {"train.rec.part", "train.rows.part", "train.pack.json"}


def damage_nothing(folder):
    pass


def tear_the_last_record(folder):
    os.truncate(folder / "a.rec.part", (folder / "a.rec.part").stat().st_size - 5)


def tear_the_last_row(folder):
    os.truncate(folder / "a.rows.part", (folder / "a.rows.part").stat().st_size - 5)


def zero_the_end(folder):
    with open(folder / "a.rec.part", "r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(bytes(100))


def lose_the_rows(folder):
    (folder / "a.rows.part").unlink()


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (damage_nothing, range(20, 21)),
        (tear_the_last_record, range(0, 20)),
        (tear_the_last_row, range(19, 20)),
        (zero_the_end, range(0, 20)),
        (lose_the_rows, range(0, 1)),
    ],
)
def test_interrupted_packing_goes_on_and_ends_with_the_same_bytes(tmp_path, damage, kept):
    whole, folder = tmp_path / "whole", tmp_path / "parts"
    pack_source(colour_source(), whole / "a", encoding="png")
    with pytest.raises(KeyboardInterrupt):
        pack_source(colour_source(), folder / "a", encoding="png", progress=stop_after(20))
    damage(folder)
    report = pack_source(colour_source(), folder / "a", encoding="png")
    assert report.resumed in kept
    assert report.records == 40
    for name in ("a.rec", "a.idx"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert sorted(os.listdir(folder)) == sorted(os.listdir(whole))


def test_another_source_or_option_starts_anew(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        pack_source(colour_source(), tmp_path / "a", encoding="png", progress=stop_after(20))
    assert pack_source(colour_source(), tmp_path / "a", encoding="png", resize=5).resumed == 0


def test_temporary_files_of_dead_processes_go_and_of_living_ones_stay(tmp_path):
    dead = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True).stdout.strip()
    for owner in (dead, os.getpid()):
        (tmp_path / f"b.rec.tmp-{owner}").touch()
    pack_source(colour_source(), tmp_path / "a", encoding="png")
    assert not (tmp_path / f"b.rec.tmp-{dead}").exists()
    assert (tmp_path / f"b.rec.tmp-{os.getpid()}").exists()


def test_a_packed_set_is_verified_already(photos, tmp_path):
    pack_source(FolderSource(photos), tmp_path / "train", encoding="keep")
    path = tmp_path / "train.rec"
    known = load_index(path.with_suffix(SUFFIX))
    found = verify("record", path)
    assert known.bad == found.bad == {}
    assert (known.identity, known.sha256) == (found.identity, found.sha256)
    for name in DTYPES:
        np.testing.assert_array_equal(getattr(known.records, name), getattr(found.records, name), name)


def test_mxnet_reads_the_index_too(photos, tmp_path):
    from gluonlab.runtime.mxnet import mx

    pack_source(FolderSource(photos), tmp_path / "train", encoding="keep")
    read = RecordSource(tmp_path / "train.rec")
    records = mx.recordio.MXIndexedRecordIO(str(tmp_path / "train.idx"), str(tmp_path / "train.rec"), "r")
    header, payload = mx.recordio.unpack(records.read_idx(5))
    assert (header.label, header.id, payload) == (1.0, 5, read.encoded(5))
    records.close()


def test_a_list_names_images_and_classes(photos, tmp_path):
    (photos / "train.lst").write_text("0\t1\tdog/0.jpg\n1\t0\tcat/flat.PNG\n")
    source = ListSource(photos / "train.lst", photos)
    assert source.labels.tolist() == [1, 0]
    pack_source(source, tmp_path / "train", encoding="keep")
    assert RecordSource(tmp_path / "train.rec").encoded(1) == (photos / "cat" / "flat.PNG").read_bytes()
    (photos / "names.txt").write_text("dog/1.jpg\tdog\ncat/0.jpg\tcat\n")
    assert ListSource(photos / "names.txt", photos, ("dog", "cat")).labels.tolist() == [0, 1]
    (photos / "gone.lst").write_text("0\t1\tdog/9.jpg\n")
    with pytest.raises(DataError, match=r"DAT01.*dog/9.jpg"):
        pack_source(ListSource(photos / "gone.lst", photos), tmp_path / "gone", encoding="keep")


LISTS = {
    "as im2rec writes it": "0\t1.000000\tdog/0.jpg\n1\t0.000000\tcat/1.jpg\n",
    "an empty last line": "0\t1\tdog/0.jpg\n1\t0\tcat/1.jpg\n\n",
    "empty lines, blanks and tabs": "\n0\t1\tdog/0.jpg\t\n \t \n\t1\t 0 \t cat/1.jpg \n",
    "line ends of Windows": "0\t1\tdog/0.jpg\r\n1\t0\tcat/1.jpg\r\n\r\n",
    "shuffled": "12\t1\tdog/0.jpg\n3\t0\tcat/1.jpg\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_packed_as_mxnets_own_tool_packs_it(photos, tmp_path, name):
    from gluonlab.runtime.mxnet import mx

    (tmp_path / "a.lst").write_bytes(LISTS[name].encode())
    tool = runpy.run_path(str(Path(mx.__file__).parent / "tools" / "im2rec.py"))
    writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / "mx.idx"), str(tmp_path / "mx.rec"), "w")
    for number, file, label in tool["read_list"](str(tmp_path / "a.lst")):  # as its image_encode does
        header = mx.recordio.IRHeader(0, label, number, 0)
        writer.write_idx(number, mx.recordio.pack(header, (photos / file).read_bytes()))
    writer.close()
    pack_source(ListSource(tmp_path / "a.lst", photos), tmp_path / "a", encoding="keep")
    for suffix in (".rec", ".idx"):
        packed, expected = ((tmp_path / f"{stem}{suffix}").read_bytes() for stem in ("a", "mx"))
        assert packed == expected


def test_a_byte_order_mark_costs_no_image(photos, tmp_path):
    """MXNet's tool leaves the first image out."""
    (tmp_path / "a.lst").write_text("0\t1\tdog/0.jpg\n1\t0\tcat/1.jpg\n", "utf-8-sig")
    source = ListSource(tmp_path / "a.lst", photos)
    assert (len(source), source.ids.tolist(), source.labels.tolist()) == (2, [0, 1], [1, 0])


def test_numbers_that_repeat_or_are_none_are_no_ids(photos, tmp_path):
    for text in ("7\t1\tdog/0.jpg\n7\t0\tcat/1.jpg\n", "-\t1\tdog/0.jpg\n1\t0\tcat/1.jpg\n"):
        (tmp_path / "a.lst").write_text(text)
        assert ListSource(tmp_path / "a.lst", photos).ids is None


BAD_LINES = [
    "x",
    "0\t1\t../x",
    "0\t1\t/etc/passwd",
    "0\tnan\ta",
    "0\t-1\ta",
    "0\t1.5\ta",
    "0\t1e9\ta",
    "a\tbird",
]


def test_every_bad_line_of_a_list_is_named(tmp_path):
    (tmp_path / "a.lst").write_text("\n".join(BAD_LINES))
    with pytest.raises(DataError) as caught:
        ListSource(tmp_path / "a.lst", tmp_path, ("cat",))
    assert [p.where for p in caught.value.problems] == [f"a.lst line {i + 1}" for i in range(len(BAD_LINES))]
    assert {p.code for p in caught.value.problems} == {"DAT42"}


def test_class_names_decide_the_labels(photos, tmp_path):
    (tmp_path / "names").write_text("zebra\ndog\ncat\n")
    source = FolderSource(photos, classes=read_class_names(tmp_path / "names"))
    assert source.labels.tolist() == [1, 1, 2, 2, 2, 2]
    assert source.where(0) == str(photos / "dog" / "0.jpg")
    with pytest.raises(DataError, match=r"DAT12.*'dog' is no class"):
        FolderSource(photos, classes=("cat",))
    for text in ("", "a\na\n", "a\n\nb\n"):
        (tmp_path / "names").write_text(text)
        with pytest.raises(DataError, match="DAT42"):
            read_class_names(tmp_path / "names")


def test_memory_is_bounded(tmp_path):
    lock, read, written = threading.Lock(), [0], [0]
    most = [0]

    class Counting(ArraySource):
        def image(self, index):
            with lock:
                read[0] += 1
                most[0] = max(most[0], read[0] - written[0])
            return super().image(index)

    def count(done, total):
        written[0] = done

    source = Counting(np.zeros((300, 8, 8, 1), np.uint8), np.zeros(300, int))
    pack_source(source, tmp_path / "a", encoding="png", threads=2, progress=count)
    assert most[0] <= 8 + 1


def test_what_cannot_be_packed(tmp_path):
    with pytest.raises(ConfigError, match="no image files to keep"):
        pack_source(colour_source(), tmp_path / "a", encoding="keep")
    with pytest.raises(DataError, match=r"DAT12.*colour: image 5: label 5 outside 0..4"):
        pack_source(colour_source(), tmp_path / "a", encoding="png", class_names=list("abcde"))
    floats = ArraySource(np.zeros((2, 4, 4, 3), np.float32), np.array([0, 1]), "floats")
    with pytest.raises(DataError, match=r"DAT06.*floats: image 0: float32"):
        pack_source(floats, tmp_path / "a", encoding="png")
    assert os.listdir(tmp_path) == []
