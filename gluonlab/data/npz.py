"""Arrays that somebody saved with NumPy: ``images`` and ``labels`` of an ``.npz`` file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Union

import numpy as np

from gluonlab.data.classes import check_class_names
from gluonlab.data.source import ArraySource
from gluonlab.disk import reading
from gluonlab.errors import DataError

DAMAGED = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def load_npz(path: Union[str, Path]) -> ArraySource:
    """``images`` (N, height, width) or (N, height, width, 1 or 3) uint8 and ``labels`` (N,), whole numbers.

    Optional ``classes``, an array of their names. Raises DataError DAT01 (missing), DAT04 (damaged), DAT05
    (an array is missing or of the wrong kind), DAT12 (labels), DAT42 (names of classes). Pickled objects are
    refused.
    """
    name = str(path)
    if not Path(path).is_file():
        raise DataError("DAT01", name, "no such file")
    try:
        with reading(path), Path(path).open("rb") as file:  # opened here: NumPy leaves a damaged one open
            arrays = np.load(file, allow_pickle=False)
            if isinstance(arrays, np.ndarray):
                raise DataError("DAT05", name, "one array; an .npz file with images and labels is needed")
            missing = {"images", "labels"} - set(arrays.files)
            if missing:
                raise DataError("DAT05", name, f"has no array {', '.join(sorted(missing))}")
            images, labels = arrays["images"], arrays["labels"]
            classes = arrays["classes"].astype(str).ravel().tolist() if "classes" in arrays.files else []
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's word, not NumPy's
        raise DataError("DAT04", name, f"damaged, or holds objects: {error}") from None
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
        raise DataError(
            "DAT05", name, f"images are {images.dtype} {images.shape}, not uint8 (N, H, W, 1 or 3)"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError("DAT12", name, f"labels are {labels.dtype}, not whole numbers")
    if labels.size and (int(labels.max()) >= 2**31 or int(labels.min()) < -(2**31)):
        raise DataError("DAT12", name, "a label is beyond 32 bits")
    if classes:
        check_class_names(classes, name)
    return ArraySource(images, labels, Path(path).name, classes)
