"""One table of classes for all splits: labels are matched by name, never by their place in a folder."""

import numpy as np
import pytest

from gluonlab.data.classes import check_class_names, classes_without_image, numbered_by, read_class_names
from gluonlab.data.folder import FolderSource
from gluonlab.data.npz import load_npz
from gluonlab.data.packing import encode_png, pack_source
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.data.source import ArraySource
from gluonlab.data.verified_source import open_verified
from gluonlab.errors import DataError

TABLE = ("ant", "bee", "cat", "dog")
IMAGES = np.arange(64, dtype=np.uint8).reshape(4, 4, 4, 1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, root):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(root))


def folder_of(root, *classes):
    for name in classes:
        (root / name).mkdir(parents=True)
        (root / name / "1.png").write_bytes(encode_png(IMAGES[0]))
    return root


def records_of(path, names, labels):
    with RecordWriter(path) as writer:
        for index, label in enumerate(labels):
            writer.write(pack_image_record(label, index, encode_png(IMAGES[index])))
    path.with_suffix(".classes.txt").write_text("".join(f"{name}\n" for name in names))
    return path


def test_a_folder_that_lacks_a_class_has_the_numbers_of_training(tmp_path):
    folder = folder_of(tmp_path / "val", "ant", "cat", "dog")
    assert FolderSource(folder).labels.tolist() == [0, 1, 2]
    source = open_verified("folder", [folder], 4, class_names=TABLE)
    assert source.labels.tolist() == [0, 2, 3]
    assert source.classes == TABLE
    assert [source.where(index).split("/")[-2] for index in range(3)] == ["ant", "cat", "dog"]
    assert source.image(2).shape == (4, 4, 1)
    assert classes_without_image(source, 4) == ["bee"]


def test_record_files_that_were_packed_one_by_one_meet_by_name(tmp_path):
    path = records_of(tmp_path / "val.rec", ("dog", "ant"), [0, 1, 1])
    source = open_verified("record", [path], 4, class_names=TABLE)
    assert source.labels.tolist() == [3, 0, 0]
    assert open_verified("record", [path], 2, class_names=("dog", "ant")).labels.tolist() == [0, 1, 1]


def test_arrays_with_names_meet_by_name(tmp_path):
    labels = np.array([0, 1, 1, 0])
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=labels, classes=np.array(["dog", "bee"]))
    assert numbered_by(TABLE, load_npz(tmp_path / "a.npz")).labels.tolist() == [3, 1, 1, 3]


def test_a_class_that_training_has_not_is_named(tmp_path):
    folder = folder_of(tmp_path / "val", "ant", "eel", "fox")
    with pytest.raises(DataError) as caught:
        open_verified("folder", [folder], 4, max_bad_fraction=0.9, class_names=TABLE)
    told = "2 classes that training has not: eel, fox; training has ant, bee, cat, dog"
    assert str(caught.value) == f"error[DAT14] val: {told}"


def test_a_name_without_any_image_is_no_fault(tmp_path):
    path = records_of(tmp_path / "val.rec", ("ant", "background", "dog"), [0, 2])
    assert open_verified("record", [path], 4, class_names=TABLE).labels.tolist() == [0, 3]


def test_a_label_beyond_its_own_names_is_bad_and_never_another_class(tmp_path):
    path = records_of(tmp_path / "val.rec", ("ant", "dog"), [0, 2, 1])
    with pytest.raises(DataError, match=r"DAT12\] val.rec: record 1 at byte \d+: label 2"):
        open_verified("record", [path], 4, class_names=TABLE)
    assert open_verified("record", [path], 4, 0.5, class_names=TABLE).labels.tolist() == [0, 3]


def test_without_names_labels_stay_as_they_are():
    nameless, named = ArraySource(IMAGES, np.arange(4)), ArraySource(IMAGES, np.arange(4), classes=TABLE)
    assert numbered_by(TABLE, nameless) is nameless
    assert numbered_by((), named) is named
    assert classes_without_image(nameless, 6) == ["4", "5"]


def test_packing_train_and_val_together_numbers_both_alike(tmp_path):
    train = FolderSource(folder_of(tmp_path / "train", *TABLE))
    val = numbered_by(train.classes, FolderSource(folder_of(tmp_path / "val", "bee", "dog")))
    pack_source(val, tmp_path / "out" / "val", encoding="keep", class_names=val.classes)
    packed = RecordSource(tmp_path / "out" / "val.rec")
    assert (packed.labels.tolist(), packed.classes) == ([1, 3], TABLE)


def test_files_of_class_names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes("\ufeffant\r\nbee \r\nlow\u2028line\r\n\r\n".encode())
    assert read_class_names(path) == ("ant", "bee", "low\u2028line")
    for text in ("", "a\n\nb\n", "a\na\n", "\n"):
        path.write_text(text)
        with pytest.raises(DataError, match="DAT42"):
            read_class_names(path)
    with pytest.raises(DataError, match=r"DAT42.*line break"):
        check_class_names(["a\nb"], "here")
