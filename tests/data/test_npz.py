from __future__ import annotations

import numpy as np
import pytest

from gluonlab.data.npz import load_npz
from gluonlab.errors import DataError

IMAGES = np.random.RandomState(0).randint(0, 256, (6, 5, 4, 3)).astype(np.uint8)
LABELS = np.arange(6)


def test_arrays_of_a_file(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, classes=np.array(["x", "y"]))
    source = load_npz(tmp_path / "a.npz")
    assert np.array_equal(source.image(3), IMAGES[3])
    assert (source.labels.tolist(), source.classes, source.name) == ([0, 1, 2, 3, 4, 5], ("x", "y"), "a.npz")
    np.savez_compressed(tmp_path / "gray.npz", images=IMAGES[..., 0], labels=LABELS.astype(np.uint8))
    assert load_npz(tmp_path / "gray.npz").image(0).shape == (5, 4, 1)


@pytest.mark.parametrize(
    ("arrays", "code"),
    [
        ({"images": IMAGES}, "DAT05"),
        ({"images": IMAGES.astype(np.float32), "labels": LABELS}, "DAT05"),
        ({"images": IMAGES[:, :0], "labels": LABELS}, "DAT05"),
        ({"images": IMAGES[..., :2], "labels": LABELS}, "DAT05"),
        ({"images": IMAGES, "labels": LABELS + 0.0}, "DAT12"),
        ({"images": IMAGES, "labels": LABELS[:3]}, "DAT12"),
        ({"images": IMAGES, "labels": LABELS.astype(np.uint64) << np.uint64(40)}, "DAT12"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "DAT01"),
        ({"images": np.array([print, print]), "labels": LABELS[:2]}, "DAT04"),
    ],
)
def test_arrays_that_will_not_do(tmp_path, arrays, code):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=code):
        load_npz(tmp_path / "a.npz")


def test_files_that_will_not_do(tmp_path):
    np.savez(tmp_path / "whole.npz", images=IMAGES, labels=LABELS)
    whole = (tmp_path / "whole.npz").read_bytes()
    np.save(tmp_path / "one.npy", IMAGES)
    with pytest.raises(DataError, match="DAT05"):
        load_npz(tmp_path / "one.npy")
    with pytest.raises(DataError, match="DAT01"):
        load_npz(tmp_path / "none.npz")
    for content in (b"", b"hello", whole[:100], whole[:-30], whole.replace(IMAGES.tobytes()[:40], bytes(40))):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(DataError, match="DAT04"):
            load_npz(tmp_path / "a.npz")
