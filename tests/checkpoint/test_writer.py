import time

import numpy as np
import pytest

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.writer import BackgroundWriter

ARRAYS = {"model": {"w": np.zeros(4, np.float32)}}


def test_the_caller_goes_on_while_a_slow_disk_takes_the_snapshot(tmp_path, monkeypatch):
    from gluonlab.checkpoint import durable

    monkeypatch.setattr(durable.os, "fsync", lambda _: time.sleep(0.1))
    writer = BackgroundWriter(CheckpointStore(tmp_path))
    start = time.monotonic()
    writer.start(1, ARRAYS, {}, None)
    assert time.monotonic() - start < 0.1
    assert writer.is_busy
    assert writer.result() is None
    result = writer.result(wait_seconds=10)
    assert (result.step, result.error) == (1, None)
    assert result.seconds >= 0.3  # two files, the manifest and two directories
    assert writer.result() is None
    assert not writer.is_busy
    writer.close()


def test_a_failed_save_is_told_once_and_the_next_one_can_start(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    writer = BackgroundWriter(CheckpointStore(tmp_path / "file"))
    writer.start(1, ARRAYS, {}, None)
    assert "CKP01" in str(writer.result(wait_seconds=10).error)
    writer.start(2, ARRAYS, {}, None)
    writer.close()  # waits
    assert "CKP01" in str(writer.result().error)


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([0.1, 0.9, 0.5, 0.4, None], [2, 4, 5]),
        ([0.9, 0.9, 0.1, 0.1, 0.1], [2, 4, 5]),  # of equals the later
        ([None] * 5, [4, 5]),
        ([0.1, 0.2, 0.3, 0.4, 0.5], [4, 5]),
    ],
)
def test_the_best_is_kept_beside_the_last(tmp_path, scores, kept):
    store = CheckpointStore(tmp_path, keep=2, keep_best=1)
    for step, score in enumerate(scores, start=1):
        store.save(step, ARRAYS, {}, score)
    assert store.steps() == kept
    scored = [step for step in kept if scores[step - 1] is not None]
    best = max(scored, key=lambda step: (scores[step - 1], step)) if scored else None
    assert store.best_step() == best
