"""Images that are there more than once: counted and named, at the size of ImageNet too."""

import time
import tracemalloc

import numpy as np

from gluonlab.data.duplicates import Part, image_digest, part_of, tell_repeats
from gluonlab.data.source import ArraySource


def part(name, digests, labels):
    return Part(name, np.array(digests, np.uint64), np.array(labels), lambda index: f"{name}/{index}")


def test_each_kind_is_told_with_its_count_and_two_names():
    train = part("train", [1, 2, 3, 1, 2, 8], [0, 1, 1, 0, 0, 1])
    val = part("val", [9, 2, 2, 3], [0, 0, 0, 0])
    assert tell_repeats([train, val]) == [
        "3 of 4 images of val are in train too, such as train/1 and val/1",
        "1 of 6 images of train are in another class as well, such as train/1 and train/4",
        "1 of 6 images of train come a second time, such as train/0 and train/3",
        "1 of 4 images of val come a second time, such as val/1 and val/2",
    ]


def test_nothing_is_said_of_images_that_differ_or_were_not_looked_at():
    assert tell_repeats([]) == []
    assert tell_repeats([part("a", [1, 2, 0, 0], [0, 0, 0, 1]), part("b", [3, 0], [0, 0])]) == []


def test_labels_are_compared_within_a_part_only():
    (line,) = tell_repeats([part("a", [1], [0]), part("b", [1], [5])])
    assert line == "1 of 1 image of b are in a too, such as a/0 and b/0"


def test_three_files_are_compared_pair_by_pair():
    lines = tell_repeats([part("a", [1, 2], [0, 0]), part("b", [1, 3], [0, 0]), part("c", [3, 2], [0, 0])])
    assert [line.split(",")[0] for line in lines] == [
        "1 of 2 images of b are in a too",
        "1 of 2 images of c are in a too",
        "1 of 2 images of c are in b too",
    ]


def test_a_million_images_take_little_time_and_memory():
    digests = np.random.default_rng(0).integers(1, 2**63, 1_281_167, dtype=np.uint64)
    parts = [
        part("train", digests, np.zeros(len(digests), int)),
        part("val", digests[-50_000:], [0] * 50_000),
    ]
    tracemalloc.start()
    start = time.process_time()
    (line,) = tell_repeats(parts)
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert line.startswith("50,000 of 50,000 images of val are in train too, such as train/1231167 and val/0")
    assert seconds < 5
    assert peak < 100e6


def test_digests_are_of_the_bytes_and_never_the_sign_of_none():
    assert image_digest(b"a") != image_digest(b"b")
    assert 0 < image_digest(b"") < 2**64
    images = np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1)
    ((_, digests, labels, where),) = part_of(ArraySource(images[[0, 1, 0]], np.arange(3)), "x")
    assert (digests[0] == digests[2], digests[0] == digests[1]) == (True, False)
    assert (labels.tolist(), where(2)) == ([0, 1, 2], "arrays: image 2")
    assert part_of(None, "synthetic") == []
