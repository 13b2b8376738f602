"""ImageNet's archives in miniature, laid out as the official ones are."""

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from gluonlab.data.record_source import RecordSource
from gluonlab.data.verification.verify import verified

CLASSES = ("n01440764", "n01443537", "n02099601")
VAL_CLASSES = (2, 0, 1, 1, 2)
RNG = np.random.RandomState(0)


def picture():
    return simplejpeg.encode_jpeg(RNG.randint(0, 256, (40, 48, 3)).astype(np.uint8), 90, "RGB")


def archive(path, members, mode="w"):
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def annotation(name, *classes):
    objects = "".join(
        f"\t<object>\n\t\t<name>{c}</name>\n\t\t<bndbox>\n\t\t\t<xmin>1</xmin>\n\t\t</bndbox>\n\t</object>\n"
        for c in classes
    )
    text = f"<annotation>\n\t<folder>val</folder>\n\t<filename>{name}</filename>\n{objects}</annotation>\n"
    return text.encode()


def val_name(number):
    return f"ILSVRC2012_val_{number + 1:08}"


@pytest.fixture
def archives(tmp_path):
    folder = tmp_path / "archives"
    folder.mkdir()
    inner = {}
    for name in CLASSES:
        archive(folder / "inner.tar", {f"{name}_{number}.JPEG": picture() for number in range(4)})
        inner[f"{name}.tar"] = (folder / "inner.tar").read_bytes()
    (folder / "inner.tar").unlink()
    archive(folder / "ILSVRC2012_img_train.tar", inner)
    archive(
        folder / "ILSVRC2012_img_val.tar",
        {f"{val_name(number)}.JPEG": picture() for number in range(len(VAL_CLASSES))},
    )
    write_boxes(folder, [(CLASSES[label],) * 2 for label in VAL_CLASSES])  # two boxes in each image
    return folder


def write_boxes(folder, classes):
    boxes = {
        f"val/{val_name(number)}.xml": annotation(val_name(number), *of_image)
        for number, of_image in enumerate(classes)
    }
    archive(folder / "ILSVRC2012_bbox_val_v3.tgz", boxes, "w:gz")


def prepare(root, archives, out, *arguments):
    environment = {**os.environ, "GLUONLAB_VENV": str(Path(sys.executable).parent.parent)}
    return subprocess.run(
        [str(root / "scripts/prepare_imagenet.sh"), str(archives), str(out), *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )


def contents(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".rec", ".idx")}


def test_archives_become_verified_records(root, archives, tmp_path):
    out = tmp_path / "out"
    job = prepare(root, archives, out, "--any")
    assert job.returncode == 0, job.stderr
    assert job.stdout.splitlines()[0].startswith("[prepare_imagenet] needs up to ")
    train, val = RecordSource(out / "train.rec"), RecordSource(out / "val.rec")
    assert train.classes == val.classes == CLASSES
    assert train.labels.tolist() == [label for label in range(3) for _ in range(4)]
    assert val.labels.tolist() == sorted(VAL_CLASSES)
    assert not verified("record", out / "train.rec").bad
    assert not (out / "images").exists()
    command = re.fullmatch(r"\[prepare_imagenet\] next: (.*)", job.stdout.splitlines()[-1])[1]
    told = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert "12 images in 3 classes" in told.stdout, told.stderr

    with tarfile.open(archives / "ILSVRC2012_img_val.tar") as tar:
        stored = {member.name: tar.extractfile(member).read() for member in tar}
    assert {val.encoded(number) for number in range(len(val))} == set(stored.values())
    assert val.encoded(0) == stored[f"{val_name(1)}.JPEG"]  # the only one of class 0

    before = contents(out)
    again = prepare(root, archives, out, "--any")
    assert again.stdout == f"[prepare_imagenet] {out} is ready\n"
    assert contents(out) == before


def test_an_interrupted_preparation_goes_on_to_the_same_bytes(root, archives, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert prepare(root, archives, whole, "--any").returncode == 0
    images = out / "images"
    (images / "train" / CLASSES[0]).mkdir(parents=True)  # one class was whole
    with tarfile.open(archives / "ILSVRC2012_img_train.tar") as tar:
        with tarfile.open(fileobj=tar.extractfile(f"{CLASSES[0]}.tar")) as inner:
            for member in inner:
                content = inner.extractfile(member).read()
                (images / "train" / CLASSES[0] / member.name).write_bytes(content)
        half = tar.extractfile(f"{CLASSES[1]}.tar").read()[:5000]
    (images / f"{CLASSES[1]}.tar").write_bytes(half)  # the next was being written
    (images / f"{CLASSES[1]}.part").mkdir()
    (images / f"{CLASSES[1]}.part" / f"{CLASSES[1]}_0.JPEG").write_bytes(half)
    (images / "val.part").mkdir()
    job = prepare(root, archives, out, "--any")
    assert job.returncode == 0, job.stderr
    assert contents(out) == contents(whole)


def test_too_little_space_is_said_before_anything_is_unpacked(root, archives, tmp_path):
    with (archives / "ILSVRC2012_img_train.tar").open("r+b") as file:
        file.truncate(10**13)  # a hole; no disk here has twice as much
    job = prepare(root, archives, tmp_path / "out", "--any")
    assert job.returncode == 4
    assert job.stderr.startswith("error[IO01] prepare_imagenet: ")
    assert "20000000 MB are needed" in job.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_missing_or_not_official(root, archives, tmp_path):
    job = prepare(root, archives, tmp_path / "out")
    assert (job.returncode, job.stderr.count("\n")) == (3, 1)
    assert "error[DAT44]" in job.stderr
    (archives / "ILSVRC2012_img_val.tar").unlink()
    job = prepare(root, archives, tmp_path / "out", "--any")
    assert (job.returncode, job.stderr.count("\n")) == (3, 1)
    assert "error[DAT01]" in job.stderr


@pytest.mark.parametrize(
    ("classes", "code"),
    [
        ([*[(CLASSES[0],)] * 4, (CLASSES[0], CLASSES[1])], "DAT13"),
        ([(CLASSES[0],)] * 4, "DAT12"),
        ([*[(CLASSES[0],)] * 4, ("n99999999",)], "DAT12"),
    ],
    ids=["two classes", "one missing", "unknown class"],
)
def test_annotations_that_do_not_fit(root, archives, tmp_path, classes, code):
    write_boxes(archives, classes)
    job = prepare(root, archives, tmp_path / "out", "--any")
    assert job.returncode == 3
    assert f"error[{code}]" in job.stderr
    assert not list((tmp_path / "out").glob("*.rec"))
