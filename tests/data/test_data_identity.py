import time

import cv2
import numpy as np
import pytest

from gluonlab.data.folder import FolderSource
from gluonlab.data.identity import differences, identity_of, name_differences
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.data.source import ArraySource, checksum_of
from gluonlab.data.verified_source import Selection, open_verified

NAMES = ("cat", "dog", "wolf")
LABELS = np.arange(150) % 3


def images(seed=0, count=150):
    return np.random.RandomState(seed).randint(0, 256, (count, 6, 5, 3), np.uint8)


def arrays(pixels=None, labels=LABELS):
    return ArraySource(images() if pixels is None else pixels, labels, "arrays", NAMES)


def told(was, now):
    return differences(identity_of(was), identity_of(now), NAMES)


def test_the_same_samples_are_the_same_however_they_lie_in_memory():
    assert told(arrays(), arrays(np.asfortranarray(images()))) == []


def test_one_pixel_of_one_image_is_another_data_set():
    pixels = images()
    pixels[140, 5, 4, 2] ^= 1
    (line,) = told(arrays(), arrays(pixels))
    assert line == (
        "has other images behind the same 150 labels: 1 of 64 parts of arrays differ, the first holds "
        "images 140 to 141"
    )


def test_two_images_that_change_places_are_another_data_set():
    pixels = images()
    pixels[[0, 3]] = pixels[[3, 0]]  # of the same class
    assert "2 of 64 parts" in told(arrays(), arrays(pixels))[0]


def test_counts_are_told_by_the_names_of_classes():
    fewer = arrays(images()[:-2], LABELS[:-2])
    assert told(arrays(), fewer) == [
        "was 150 images, now 148", "class 'dog' had 50, has 49", "class 'wolf' had 50, has 49",
    ]  # fmt: skip
    labels = LABELS.copy()
    labels[0] = 2
    assert told(arrays(), arrays(labels=labels)) == [
        "class 'cat' had 50, has 49",
        "class 'wolf' had 50, has 51",
    ]
    assert told(arrays(), arrays(labels=LABELS[::-1])) == ["has its labels in another order"]
    many = [differences({"images_of_classes": [1] * 9}, {"images_of_classes": [2] * 9})]
    assert many[0][0] == "class 0 had 1, has 2"
    assert many[0][-1] == "and 4 more"


def test_what_one_of_both_does_not_tell_is_no_difference():
    whole = identity_of(arrays())
    assert differences({}, whole) == differences(whole, {}) == []
    assert differences({"labels": whole["labels"]}, whole) == []
    assert differences({"labels": "0"}, whole) == ["has other labels"]
    assert identity_of(None) == {}

    class Own:
        name, labels = "own", LABELS

        def __len__(self):
            return 150

    assert "parts" not in identity_of(Own())
    assert differences(identity_of(Own()), whole) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (("cat", "dog", "wolf"), []),
        (("dog", "cat", "wolf"), ["class 0 was 'cat', now 'dog'", "class 1 was 'dog', now 'cat'"]),
        (("cat", "dog"), ["class 2 was 'wolf', now not there"]),
        ((), []),
    ],
)
def test_names_that_differ_are_told_each(now, expected):
    assert name_differences(NAMES, now) == expected


def write_records(path, pixels, labels=LABELS):
    with RecordWriter(path) as writer:
        for number, (label, image) in enumerate(zip(labels, pixels)):
            writer.write(pack_image_record(int(label), number, cv2.imencode(".bmp", image)[1].tobytes()))


def test_records_packed_anew_with_other_pixels(tmp_path):
    path = tmp_path / "a.rec"
    write_records(path, images())
    was = open_verified("record", [path], 3)
    assert told(was, open_verified("record", [path], 3)) == []
    size = path.stat().st_size
    write_records(path, images(seed=1))
    assert path.stat().st_size == size
    now = open_verified("record", [path], 3)
    assert told(was, now)[0].startswith(
        "has other images behind the same 150 labels: 64 of 64 parts of a.rec"
    )
    assert "parts" not in identity_of(RecordSource(path))  # not verified: nobody has read it


def write_folder(root, pixels):
    for number, (label, image) in enumerate(zip(LABELS, pixels)):
        file = root / NAMES[label] / f"{number}.bmp"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image)


def test_class_folders_that_change_places(tmp_path):
    write_folder(tmp_path, images())
    was = identity_of(open_verified("folder", [tmp_path], 3))
    (tmp_path / "cat").rename(tmp_path / "x")
    (tmp_path / "dog").rename(tmp_path / "cat")
    (tmp_path / "x").rename(tmp_path / "dog")
    now = identity_of(open_verified("folder", [tmp_path], 3))
    assert was["images_of_classes"] == now["images_of_classes"] == [50, 50, 50]
    (line,) = differences(was, now)
    assert "of 64 parts" in line
    assert "the first holds images 0 to 1" in line
    assert "parts" not in identity_of(FolderSource(tmp_path))


def test_a_folder_that_moves_is_the_same_data_set(tmp_path):
    write_folder(tmp_path / "one", images())
    was = identity_of(open_verified("folder", [tmp_path / "one"], 3))
    (tmp_path / "one").rename(tmp_path / "two")
    assert differences(was, identity_of(open_verified("folder", [tmp_path / "two"], 3))) == []


def test_records_that_are_left_out_are_no_part_of_it(tmp_path):
    write_records(tmp_path / "a.rec", images())
    whole = open_verified("record", [tmp_path / "a.rec"], 3)
    part = Selection(whole, np.arange(1, 150))
    assert identity_of(part)["images"] == 149
    assert part.checksum(0, 149) == whole.checksum(1, 150)
    assert differences(identity_of(whole), identity_of(part), NAMES)[0] == "was 150 images, now 149"


def test_a_million_records_cost_less_than_a_second():
    class Million:
        name, classes = "million.rec", ()
        labels = np.arange(1_000_000) % 1000
        crcs = np.arange(1_000_000, dtype=np.uint32)

        def __len__(self):
            return len(self.labels)

        def checksum(self, start, stop):
            return checksum_of(self.crcs, start, stop)

    start = time.perf_counter()
    identity = identity_of(Million())
    assert time.perf_counter() - start < 1
    assert len(identity["parts"]) == 64
    assert identity["images_of_classes"] == [1000] * 1000
