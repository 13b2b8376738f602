from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile

import numpy as np
import pytest

from gluonlab.data import cifar
from gluonlab.data.cifar import load_cifar10, load_cifar100, parse_records
from gluonlab.data.digits import load_digits
from gluonlab.data.folder import FolderSource
from gluonlab.data.mnist import load_mnist
from gluonlab.errors import DataError

RNG = np.random.default_rng(0)


def refused(code, *words):
    return pytest.raises(DataError, match=rf"^error\[{code}\] .*" + ".*".join(words))


def test_digits_have_the_known_counts():
    train, val = load_digits("train"), load_digits("val")
    assert (len(train), len(val)) == (1437, 360)
    counts = np.bincount(np.concatenate([train.labels, val.labels]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (val.image(0).shape, val.image(0).dtype) == ((8, 8, 1), np.uint8)
    assert max(int(train.image(i).max()) for i in range(len(train))) == 240
    assert val.where(3) == "digits val: image 3"


def cifar_file(records, label_bytes=1):
    labels = RNG.integers(0, 10, (records, label_bytes), dtype=np.uint8)
    planes = RNG.integers(0, 256, (records, 3, 32, 32), dtype=np.uint8)
    return labels, planes, np.hstack([labels, planes.reshape(records, -1)]).tobytes()


@pytest.mark.parametrize("label_bytes", [1, 2])
def test_cifar_records_are_planes_after_labels(label_bytes):
    labels, planes, content = cifar_file(7, label_bytes)
    images, read = parse_records(content, 7, label_bytes, "file")
    np.testing.assert_array_equal(images, planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(read, labels[:, -1])
    with refused("DAT04", "file: .* not 7 records"):
        parse_records(content[:-1], 7, label_bytes, "file")


def test_cifar10_folder_of_official_size(tmp_path):
    labels, planes, content = cifar_file(2)
    inner = tmp_path / "cifar-10-batches-bin"
    inner.mkdir()
    for i in range(1, 6):
        with open(inner / f"data_batch_{i}.bin", "wb") as file:
            file.write(content if i == 2 else b"")
            file.truncate(10_000 * 3073)  # sparse: the rest is black images of class 0
    source = load_cifar10(tmp_path, "train")
    assert len(source) == len(load_cifar10(inner, "train")) == 50_000
    np.testing.assert_array_equal(source.image(10_001), planes[1].transpose(1, 2, 0))
    assert source.labels[10_000:10_002].tolist() == labels[:, 0].tolist()
    assert source.where(10_017) == "cifar10 data_batch_2.bin: image 17"
    assert source.classes[0] == "airplane"

    os.truncate(inner / "data_batch_4.bin", 3073)
    with refused("DAT04", "cifar10 data_batch_4.bin: 3073 bytes"):
        load_cifar10(tmp_path, "train")
    with refused("DAT01", "test_batch.bin: no such file"):
        load_cifar10(tmp_path, "val")


def archive(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(info)
    return path


@pytest.fixture
def three_records(monkeypatch):
    """The official layout with three records in a file instead of thousands."""
    for name in ("CIFAR10", "CIFAR100"):
        layout = getattr(cifar, name)
        small = cifar.Layout(
            layout.folder, layout.files, {"train": 3, "val": 3}, layout.label_bytes, layout.classes
        )
        monkeypatch.setattr(cifar, name, small)


@pytest.mark.usefixtures("three_records")
def test_cifar_archives(tmp_path):
    labels, planes, content = cifar_file(3)
    path = archive(tmp_path / "a.tar.gz", {"cifar-10-batches-bin/test_batch.bin": content, "other.txt": b"x"})
    source = load_cifar10(path, "val")
    np.testing.assert_array_equal(source.image(2), planes[2].transpose(1, 2, 0))
    with refused("DAT01", "has no file cifar-10-batches-bin/data_batch_1.bin"):
        load_cifar10(path, "train")

    labels, planes, content = cifar_file(3, label_bytes=2)
    names = "\n".join(f"class{i}" for i in range(100)).encode()
    members = {"cifar-100-binary/test.bin": content, "cifar-100-binary/fine_label_names.txt": names}
    source = load_cifar100(archive(tmp_path / "b.tar.gz", members), "val")
    assert source.labels.tolist() == labels[:, 1].tolist()
    assert source.classes[99] == "class99"
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "b.tar.gz"]


@pytest.mark.usefixtures("three_records")
@pytest.mark.parametrize(
    "name", ["../x", "/x", "cifar-10-batches-bin/../../x", "cifar-10-batches-bin/test_batch.bin"]
)
def test_unsafe_archive(tmp_path, name):
    content = None if name.endswith("batch.bin") else b"x"
    path = archive(tmp_path / "a.tar.gz", {name: content})
    with refused("DAT21", "unsafe member"):
        load_cifar10(path, "val")


def test_damaged_and_oversized_archives(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.tar.gz", {"cifar-10-batches-bin/test_batch.bin": RNG.bytes(9000)})
    whole = path.read_bytes()
    for content in (b"not gzip", whole[: len(whole) // 2], gzip.compress(b"not tar" * 200)):
        path.write_bytes(content)
        with refused("DAT04", "damaged archive"):
            load_cifar10(path, "val")
    path.write_bytes(whole)
    monkeypatch.setattr(cifar, "MAX_ARCHIVE_BYTES", 5000)
    with refused("DAT21", "unpacks to more than"):
        load_cifar10(path, "val")


@pytest.mark.usefixtures("three_records")
def test_cifar_label_outside_the_classes(tmp_path):
    content = bytearray(cifar_file(3)[2])
    content[3073] = 10
    (tmp_path / "test_batch.bin").write_bytes(content)
    with refused("DAT12", "cifar10 test_batch.bin: image 1: label 10 outside 0..9"):
        load_cifar10(tmp_path, "val")


IMAGES = RNG.integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


def idx(array, magic=None, shape=None):
    shape = shape or array.shape
    header = struct.pack(f">{1 + len(shape)}I", magic or 0x0800 + array.ndim, *shape)
    return header + array.tobytes()


@pytest.mark.parametrize(
    ("images", "labels", "pack"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", bytes),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", bytes),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", gzip.compress),
    ],
)
def test_mnist_files(tmp_path, images, labels, pack):
    (tmp_path / images).write_bytes(pack(idx(IMAGES)))
    (tmp_path / labels).write_bytes(pack(idx(LABELS)))
    source = load_mnist(tmp_path, "train")
    assert source.labels.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(source.image(3), IMAGES[3][..., None])
    with refused("DAT01", "t10k-images-idx3-ubyte: no such file"):
        load_mnist(tmp_path, "val")


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "DAT04", "truncated"),
        (idx(IMAGES)[:-1], "DAT04", "fewer bytes"),
        (idx(IMAGES) + b"x", "DAT04", "more bytes"),
        (idx(IMAGES, magic=0x0801), "DAT05", "magic number 0x00000801"),
        (idx(IMAGES, shape=(5, 14, 56)), "DAT05", "dimensions"),
        (idx(IMAGES, shape=(4_000_000_000, 28, 28)), "DAT05", "dimensions"),
        (idx(IMAGES[:4]), "DAT12", "4 images but labels"),
    ],
)
def test_bad_mnist_images(tmp_path, content, code, message):
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(content)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS))
    with refused(code, message):
        load_mnist(tmp_path, "val")


def test_bad_mnist_labels_and_gzip(tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS + np.uint8(5)))
    with refused("DAT12", "mnist val: image 4: label 10 outside 0..9"):
        load_mnist(tmp_path, "val")
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    for content in (b"not gzip", gzip.compress(idx(IMAGES))[:200]):
        (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(content)
        with refused("DAT04", "damaged"):
            load_mnist(tmp_path, "val")


def test_folder_that_is_no_set(tmp_path):
    with refused("DAT01", "no such folder"):
        FolderSource(tmp_path / "none")
    with refused("DAT01", "no class folders"):
        FolderSource(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "notes.txt").touch()
    with refused("DAT01", "cat: no images"):
        FolderSource(tmp_path)
