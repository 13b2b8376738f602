"""What a run says about odd data sets before it trains."""

import cv2
import numpy as np
import pytest

from gluonlab.build.data import DataSets, open_data_sets
from gluonlab.build.data_warnings import data_warnings
from gluonlab.data.sections.files import FolderSection, NpzSection
from gluonlab.data.sections.synthetic import SyntheticSection
from gluonlab.data.source import ArraySource

DATA = SyntheticSection(image_size=4, classes=8)
NAMES = tuple("abcdefgh")


def warnings_of(train_labels, val_labels, train_names=(), val_names=()):
    sources = [
        ArraySource(np.zeros((len(labels), 4, 4, 1), np.uint8), np.array(labels), classes=names)
        for labels, names in ((train_labels, train_names), (val_labels, val_names))
    ]
    return data_warnings(DATA, DataSets(*sources, len(train_labels), len(val_labels), train_names))


def test_nothing_is_said_of_whole_sets():
    assert warnings_of(range(8), range(8), NAMES, NAMES) == []
    assert data_warnings(DATA, DataSets(None, None, 8, 8)) == []


def test_classes_without_an_image_are_named_the_first_five_of_them():
    assert warnings_of([0, 7], range(8), NAMES, NAMES) == [
        "no training image of 6 classes of 8: b, c, d, e, f and 1 more"
    ]
    assert warnings_of(range(8), range(7)) == ["no validation image of 1 class of 8: 7"]


def test_names_on_one_side_only_are_told():
    told = "validation data have no class names, training data have: labels are taken as they are"
    assert warnings_of(range(8), range(8), NAMES) == [told]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, root):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(root))


def write(path, gray):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((4, 4), gray, np.uint8))


def told_of(section, **keys):
    data = section(image_size=4, classes=2, channels=1, mean=[0.0], std=[1.0], **keys)
    return data_warnings(data, open_data_sets(data))


def test_images_of_both_splits_or_classes_are_told_when_a_run_starts(tmp_path):
    for name, gray in {"a/1": 10, "a/2": 20, "b/1": 30, "b/2": 10}.items():
        write(tmp_path / f"train/{name}.png", gray)
    for name, gray in {"a/1": 40, "b/1": 30}.items():
        write(tmp_path / f"val/{name}.png", gray)
    train, val = tmp_path / "train", tmp_path / "val"
    assert told_of(FolderSection, train=str(train), val=str(val)) == [
        f"1 of 2 images of validation are in training too, such as {train}/b/1.png and {val}/b/1.png",
        f"1 of 4 images of training are in another class as well, such as {train}/a/1.png and "
        f"{train}/b/2.png",
    ]
    (tmp_path / "again").symlink_to(train)
    assert told_of(FolderSection, train=str(train), val=str(tmp_path / "again"))[0] == (
        f"data.val is data.train, {tmp_path / 'again'}: no image is new to validation"
    )


def test_arrays_that_overlap_are_told(tmp_path):
    images = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    np.savez(tmp_path / "train.npz", images=images, labels=np.array([0, 1, 0, 1]))
    np.savez(tmp_path / "val.npz", images=images[1:3], labels=np.array([1, 0]))
    assert told_of(NpzSection, train=str(tmp_path / "train.npz"), val=str(tmp_path / "val.npz")) == [
        "2 of 2 images of validation are in training too, such as train.npz: image 1 and val.npz: image 0"
    ]
