import threading
import time

import numpy as np
import pytest

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.placement import ShiftCrop
from gluonlab.data.augment.views import WholeImage
from gluonlab.data.collate import NormaliseOnDevice, NormaliseOnHost
from gluonlab.data.loader import SourceLoader
from gluonlab.data.sampler import PADDING, Request, Sampler, evaluation_requests
from gluonlab.data.source import ArraySource
from gluonlab.data.synthetic import SyntheticLoader
from gluonlab.epochs import Epochs
from gluonlab.errors import DataError
from gluonlab.runtime.mxnet import mx

IMAGES = np.random.RandomState(0).randint(0, 256, (50, 8, 8, 3)).astype(np.uint8)
LABELS = np.arange(50) % 10


def loader(threads, source=None):
    return SourceLoader(
        source or ArraySource(IMAGES, LABELS),
        ctx=mx.cpu(),
        seed=4,
        augmentation=Augmentation(WholeImage(8), 3, (ShiftCrop(2, flip=True),)),
        collate=NormaliseOnHost([1.0, 2.0, 3.0], [2.0, 4.0, 8.0], mx.cpu()),
        threads=threads,
    )


def test_batches_are_the_same_bytes_for_any_number_of_threads():
    sampler = Sampler(Epochs(50, 16), seed=2)
    streams = []
    for threads in (1, 2, 4):
        batches = loader(threads).batches(sampler.requests(0, 10, 16, range(1)))
        streams.append(
            [(images.asnumpy().tobytes(), labels.asnumpy().tobytes()) for images, labels in batches]
        )
    assert len(streams[0]) == 10
    assert streams[0] == streams[1] == streams[2]


@pytest.mark.parametrize("kind", [NormaliseOnHost, NormaliseOnDevice])
def test_normalisation_subtracts_the_mean_and_divides_channel_by_channel(kind):
    collate = kind([1.0, 2.0, 3.0], [2.0, 4.0, 8.0], mx.cpu())
    batch, memory = collate.start(1, (1, 1, 3))
    collate.put(np.array([5, 10, 19], np.uint8).reshape(1, 1, 3), memory[0])
    normalised = collate.finish(batch, memory)
    assert normalised.shape == (1, 3, 1, 1)
    assert normalised.asnumpy().ravel().tolist() == [2.0, 2.0, 2.0]


def test_both_ways_to_normalise_give_the_same_bits():
    results = []
    for kind in (NormaliseOnHost, NormaliseOnDevice):
        collate = kind([123.675, 116.28, 103.53], [58.395, 57.12, 57.375], mx.cpu())
        batch, memory = collate.start(len(IMAGES), IMAGES.shape[1:])
        for image, place in zip(IMAGES, memory):
            collate.put(image, place)
        results.append(collate.finish(batch, memory).asnumpy())
    assert np.array_equal(results[0], results[1])


def test_a_batch_that_is_kept_is_not_written_again():
    requests = [Request(np.arange(k, k + 10), np.zeros(10, np.int64)) for k in range(0, 50, 10)]
    for images, _ in list(loader(2).batches(iter(requests)))[:1]:
        first = images.asnumpy()
    again = [images.asnumpy() for images, _ in loader(2).batches(iter(requests))]
    assert np.array_equal(first, again[0])
    assert len({batch.tobytes() for batch in again}) == 5


def test_statistics_tell_the_stages_and_who_waits():
    slow = loader(1)
    slow.statistics()
    list(slow.batches([Request(np.arange(50), np.zeros(50, np.int64))] * 4))
    lap = slow.statistics()
    assert set(lap) == {
        "decode_ms_per_image", "augment_ms_per_image", "collate_ms_per_image", "wait_fraction", "input_bound",
    }  # fmt: skip
    assert all(value >= 0 for value in lap.values())
    assert lap["input_bound"] is True  # nobody does anything else here
    time.sleep(0.05)
    assert slow.statistics()["input_bound"] is False


def test_padding_has_a_negative_label_and_costs_no_sample():
    batches = list(loader(2).batches(evaluation_requests(50, 16, 0, 1)))
    labels = np.concatenate([labels.asnumpy() for _, labels in batches])
    assert [len(b[1]) for b in batches] == [16] * 4
    assert labels[labels >= 0].astype(int).tolist() == LABELS.tolist()
    assert (labels == PADDING).sum() == 14


def test_arrays_of_any_shape_go_through_unchanged_without_a_transform():
    vectors = np.random.RandomState(1).standard_normal((6, 5)).astype(np.float32)
    plain = SourceLoader(ArraySource(vectors, np.zeros(6, int)), ctx=mx.cpu())
    request = Request(np.array([4, 2]), np.zeros(2, np.int64))
    ((images, _),) = plain.batches([request])
    assert np.array_equal(images.asnumpy(), vectors[[4, 2]])


class BrokenSource(ArraySource):
    def image(self, index):
        if index == 33:
            raise DataError("DAT06", "broken: record 33", "not an image")
        return super().image(index)


def test_a_bad_sample_raises_its_error_and_leaves_no_thread():
    before = threading.active_count()
    requests = [Request(np.arange(k, k + 10), np.zeros(10, np.int64)) for k in range(0, 50, 10)]
    with pytest.raises(DataError, match="record 33"):
        list(loader(2, BrokenSource(IMAGES, LABELS)).batches(requests))
    assert threading.active_count() == before


def test_closing_early_stops_the_threads():
    before = threading.active_count()
    batches = loader(2).batches(Sampler(Epochs(50, 16), 0).requests(0, 100, 16, range(1)))
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_synthetic_batches_are_one_array_with_padding_marked():
    synthetic = SyntheticLoader((3, 4, 4), 10, mx.cpu())
    (first, labels), (second, padded) = synthetic.batches(evaluation_requests(13, 8, 0, 1))
    assert first is second
    assert (labels.asnumpy() >= 0).all()
    assert (padded.asnumpy() == PADDING).sum() == 3
