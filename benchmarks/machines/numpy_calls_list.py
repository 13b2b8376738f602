"""What is called under both versions of NumPy: mostly calls in which MXNet and NumPy meet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from gluonlab.runtime.mxnet import autograd, gluon, mx, nd

_ROW = nd.array([1.5, -2.0, 3.0])
_SQUARE = nd.array([[1.0, 2.0], [3.0, 4.0]])
_NP = mx.np.array([[1.0, 2.0], [3.0, 4.0]])
_LABELS, _SCORES = nd.array([1, 0]), nd.array([[0.3, 0.7], [0.9, 0.1]])


CALLS: list[Callable[[], Any]] = [
    # arrays from Python's and NumPy's numbers
    lambda: nd.array([300, -1], dtype="uint8"),
    lambda: nd.array([2**31 + 5], dtype="int32"),
    lambda: nd.array([3.7, -1.2], dtype="int32"),
    lambda: nd.array(np.float64(3.7)),
    lambda: nd.array(np.arange(3)),
    lambda: nd.array(np.array([1, 2], dtype="float16")),
    lambda: nd.array([True, False]),
    lambda: nd.full((2,), 300, dtype="uint8"),
    lambda: nd.full((2,), np.float64(0.1)),
    lambda: nd.arange(np.float32(3)),
    lambda: nd.zeros((np.int64(2), np.prod([1, 3]))),
    lambda: nd.one_hot(nd.array([0, 2]), np.int64(3)),
    # numbers of NumPy beside arrays
    lambda: _ROW * np.float64(2),
    lambda: np.float64(2) * _ROW,
    lambda: _ROW + np.float32(2),
    lambda: _ROW**2 - np.int64(1),
    lambda: _ROW.__gt__(np.float32(1)),
    lambda: np.float32(2) * nd.array([1], dtype="float16"),
    lambda: np.ones(3) * _ROW,
    lambda: np.asarray(_ROW),
    lambda: np.array([_ROW, _ROW]),
    lambda: float(_ROW),
    lambda: float(_ROW[0]),
    lambda: _ROW.asnumpy(),
    lambda: _ROW[0].asscalar(),
    lambda: np.mean(_ROW.asnumpy()),
    # indices and shapes
    lambda: _SQUARE[np.int64(1)],
    lambda: _SQUARE[np.array([0, 1]), np.array([1, 0])],
    lambda: _SQUARE[1, np.int32(0)],
    lambda: _SQUARE.reshape((np.int64(4), -1)),
    lambda: _SQUARE.transpose((np.int64(1), 0)),
    lambda: nd.slice(_SQUARE, begin=(np.int64(0), 1), end=(2, 2)),
    lambda: nd.moveaxis(nd.zeros((2, 3, 4)), 0, 2),
    lambda: nd.tile(_ROW, reps=(np.int64(2),)),
    lambda: nd.split(_SQUARE, num_outputs=np.int64(2))[0],
    lambda: mx.sym.var("x", shape=(np.int64(3), 4)).attr("__shape__"),
    lambda: mx.sym.zeros((np.int64(2), 3)).infer_shape()[1],
    # mx.np
    lambda: mx.np.array([1, 2]).dtype,
    lambda: mx.np.array(True),
    lambda: mx.np.array(np.float64(0.5)),
    lambda: np.float32(2) * _NP,
    lambda: _NP + np.ones((2, 2)),
    lambda: np.mean(_NP),
    lambda: np.concatenate([_NP, _NP]),
    lambda: mx.np.trapz(mx.np.array([1.0, 2.0, 3.0])),
    lambda: mx.np.alltrue(mx.np.array([1, 1])),
    lambda: mx.np.in1d(mx.np.array([1, 2]), mx.np.array([2])),
    lambda: mx.np.msort(mx.np.array([[3, 1], [2, 4]])),
    lambda: mx.np.pad(_NP, ((1, 0), (0, 0)), mode="constant"),
    lambda: mx.np.linalg.norm(_NP),
    lambda: _NP[_NP > 1.5],
    # metrics
    lambda: _sum_of_losses(1000),
    lambda: _metric("acc"),
    lambda: _metric("ce"),
    lambda: _metric("top_k_accuracy", top_k=2),
    lambda: _metric("f1"),
    lambda: _metric("perplexity", ignore_label=0),
    lambda: _metric("pearsonr"),
    # networks, rates, random numbers
    lambda: _update("sgd", learning_rate=np.float32(0.1), wd=np.float32(0.01)),
    lambda: _update("adam", learning_rate=np.float64(0.1)),
    lambda: mx.lr_scheduler.CosineScheduler(10, base_lr=np.float32(0.1))(3),
    lambda: mx.lr_scheduler.PolyScheduler(10, base_lr=0.1)(3),
    lambda: gluon.nn.Dense(2, in_units=np.prod([2, 3])).weight.shape,
    lambda: _initial(mx.init.Orthogonal()),
    lambda: _initial(mx.init.Xavier(magnitude=np.float32(2))),
    lambda: gluon.utils.clip_global_norm([_ROW.copy()], np.float32(1)),
    lambda: mx.nd.random.uniform(np.float32(0), np.float64(1), shape=(np.int64(2),)).shape,
    # files and images
    lambda: mx.recordio.pack((0, [1, 2], 7, 0), b"image"),
    lambda: mx.recordio.unpack(mx.recordio.pack((0, 4.0, 7, 0), b"image"))[0],
    lambda: mx.recordio.unpack_img(_packed_image())[1],
    lambda: _saved(),
    lambda: mx.image.resize_short(nd.zeros((4, 8, 3), dtype="uint8"), np.int64(2)).shape,
    lambda: gluon.data.vision.transforms.ToTensor()(nd.full((1, 1, 3), 255, dtype="uint8")),
    lambda: mx.io.NDArrayIter(np.zeros((4, 2)), np.arange(4), np.int64(2)).next().label[0],
]


def _metric(name: str, **settings: Any) -> Any:
    metric = mx.metric.create(name, **settings)
    metric.update([_LABELS], [_LABELS + 0.5 * _ROW[:2] if name == "pearsonr" else _SCORES])
    return metric.get()


def _sum_of_losses(count: int) -> Any:
    metric = mx.metric.Loss()
    for _ in range(count):
        metric.update(None, [nd.array([0.1])])
    return metric.get()


def _update(name: str, **settings: Any) -> Any:
    net = gluon.nn.Dense(1, in_units=2, use_bias=False)
    net.initialize(mx.init.One())
    trainer = gluon.Trainer(net.collect_params(), name, settings)
    with autograd.record():
        loss = net(nd.array([[1, 2]]))
    loss.backward()
    trainer.step(1)
    return net.weight.data()


def _initial(initializer: Any) -> Any:
    mx.random.seed(0)
    np.random.seed(0)
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize(initializer)
    return net.weight.data()


def _packed_image() -> Any:
    return mx.recordio.pack_img((0, 3.0, 0, 0), np.full((2, 2, 3), 77, "uint8"), 9, ".png")


def _saved() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        nd.save(f"{folder}/arrays", {"row": _ROW})
        return nd.load(f"{folder}/arrays")["row"]
