"""JPEGs with the spectrum of photographs: make_images.py COUNT FOLDER writes COUNT files and images.rec."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gluonlab.data.packing.encode import Encoded
from gluonlab.data.packing.partial import PartialRecords
from gluonlab.data.recordio import pack_image_record

SIZES = ((375, 500), (500, 375), (333, 500), (400, 500))
TARGET_BYTES = 66_000


def photograph(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Noise whose amplitude falls as 1 / frequency, mostly the same in all channels: (height, width, 3)."""
    generator = np.random.RandomState(seed)
    frequency = np.hypot(np.fft.fftfreq(height, 1.0)[:, None], np.fft.rfftfreq(width, 1.0)[None])
    frequency[0, 0] = 1

    def plane(exponent: float) -> NDArray[np.float64]:
        spectrum = np.fft.rfft2(generator.standard_normal((height, width))) / frequency**exponent
        values: NDArray[np.float64] = np.fft.irfft2(spectrum, s=(height, width))
        return np.asarray(values / values.std())

    luma = plane(1.0)
    image = np.stack([luma + 0.4 * plane(1.3) for _ in range(3)], axis=-1)
    pixels: NDArray[np.uint8] = np.clip(128 + 50 * image / image.std(), 0, 255).astype(np.uint8)
    return pixels


def main(count: str, folder: str) -> None:
    """Write the files, in one folder and in one record file."""
    records = PartialRecords(Path(folder) / "images", {})
    for number in range(int(count)):
        height, width = SIZES[number % len(SIZES)]
        image = photograph(number, height, width)
        for quality in (70, 75, 80):
            payload = simplejpeg.encode_jpeg(image, quality, "RGB", "420")
            if len(payload) > TARGET_BYTES:
                break
        Path(folder, f"{number:05}.jpg").write_bytes(payload)
        records.write(
            pack_image_record(number % 10, number, payload), number % 10, Encoded(payload, height, width)
        )
    records.commit(range(int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
