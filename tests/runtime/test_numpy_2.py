"""What MXNet does with NumPy's numbers is the same under NumPy 1, which it was written for, and NumPy 2."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.runtime.numpy_2 import ParameterText, parameter_text

IS_NUMPY_2 = int(np.__version__.split(".")[0]) >= 2


@pytest.mark.skipif(IS_NUMPY_2, reason="this is NumPy 2")
def test_all_of_this_holds_under_numpy_2(root, tmp_path):
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(tmp_path),
        "numpy>=2,<3",
    ]
    installed = subprocess.run(pip, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"no NumPy 2 to be had: {installed.stderr.splitlines()[-1]}")
    files = [str(root / "tests/runtime" / name) for name in ("test_numpy_2.py", "test_lent_names.py")]
    job = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert job.returncode == 0, job.stdout
    assert "this is NumPy 2" in job.stdout  # the reason why this test was left out there


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.int64(3), "3"),
        ((np.int64(3), 4), "(3, 4)"),
        ((np.float32(0.1),), "(0.1,)"),
        ([np.float64(0.1), np.float16(0.5)], "[0.1, 0.5]"),
        (((np.int64(1), 2), [np.int32(3)]), "((1, 2), [3])"),
        ((np.True_, None), "(True, None)"),
        (("np.x", np.int64(1)), "('np.x', 1)"),
        ("np.x", "np.x"),
        ((), "()"),
        (None, "None"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_parameters_are_written_as_numpy_1_does(value, text):
    assert parameter_text(value) == text


def test_what_stands_for_str_is_a_type_too():
    assert ParameterText((np.int64(3),)) == "(3,)"
    assert isinstance("text", ParameterText)
    assert not isinstance(3, ParameterText)


def test_operators_read_shapes_and_rates_of_numpy():
    images = nd.ones((2, 3, 4))
    assert images.reshape((np.int64(6), -1)).shape == (6, 4)
    assert nd.slice(images, begin=(np.int64(1), None, None), end=(2, None, None)).shape == (1, 3, 4)
    assert mx.sym.var("x", shape=(np.int64(3), 4)).attr("__shape__") == "(3, 4)"
    assert nd.zeros(shape=(np.prod([2, 3]), 1)).shape == (6, 1)
    assert nd.moveaxis(images, 0, np.int64(-1)).shape == (3, 4, 2)  # and nothing is warned of
    shaped = mx.sym.reshape(mx.sym.var("x"), shape=(np.int64(6), 4))
    assert shaped.infer_shape(x=(2, 3, 4))[1] == [(6, 4)]


def test_a_network_and_a_trainer_take_numbers_of_numpy():
    net = gluon.nn.Dense(2, in_units=np.prod([2, 3]))
    net.initialize(mx.init.Orthogonal())
    net.hybridize()
    settings = {"learning_rate": np.float32(0.5), "wd": np.float32(0.1)}
    trainer = gluon.Trainer(net.collect_params(), "sgd", settings)
    before = net.weight.data().asnumpy()
    with mx.autograd.record():
        loss = net(nd.zeros((1, 6))).sum()
    loss.backward()
    trainer.step(1)
    np.testing.assert_allclose(net.weight.data().asnumpy(), before * (1 - 0.5 * 0.1), rtol=1e-6)


def test_parameters_are_right_in_other_threads_too():
    shapes = []
    thread = threading.Thread(target=lambda: shapes.append(nd.ones((6,)).reshape((np.int64(2), 3)).shape))
    thread.start()
    thread.join()
    assert shapes == [(2, 3)]


@pytest.mark.filterwarnings("ignore:tostring:DeprecationWarning")  # what MXNet's own calls on NumPy 1
@pytest.mark.parametrize("label", [4.0, [1, 2, 3], np.array([5], dtype="int64")])
def test_records_are_packed_and_unpacked(label):
    header = mx.recordio.IRHeader(0, label, 7, 0)
    read, content = mx.recordio.unpack(mx.recordio.pack(header, b"image"))
    assert content == b"image"
    assert (np.atleast_1d(read.label) == np.atleast_1d(label)).all()
    assert read.id == 7


@pytest.mark.filterwarnings("ignore:tostring:DeprecationWarning")
@pytest.mark.parametrize(("form", "is_exact"), [(".png", True), (".jpg", False)])
def test_images_are_packed_and_read_by_an_iterator(form, is_exact, tmp_path):
    image = np.full((8, 8, 3), 77, dtype="uint8")
    with_number = mx.recordio.pack_img((0, 3.0, 0, 0), image, quality=9, img_fmt=form)
    assert with_number[24:28] == (b"\x89PNG" if is_exact else b"\xff\xd8\xff\xe0")
    _, read = mx.recordio.unpack_img(with_number)
    np.testing.assert_allclose(read, image, atol=0 if is_exact else 8)
    records = mx.recordio.MXRecordIO(str(tmp_path / "images.rec"), "w")
    records.write(with_number)
    records.close()
    batches = mx.io.ImageRecordIter(
        path_imgrec=str(tmp_path / "images.rec"), data_shape=(np.int64(3), 8, 8), batch_size=1
    )
    assert batches.next().label[0].asscalar() == 3


class Own(mx.metric.EvalMetric):
    """A user's: it adds up a number of its own."""

    def __init__(self):
        self.peak = 0
        super().__init__("own")

    def update(self, labels, preds):
        self.peak += preds[0].sum().asscalar()
        self.sum_metric += preds[0].sum().asscalar()
        self.num_inst += 1


@pytest.mark.parametrize("make", [mx.metric.Loss, mx.metric.MAE, mx.metric.MSE, Own])
def test_sums_of_metrics_are_float64(make):
    metric, third = make(), nd.array([[1 / 3]])
    metric.reset()
    count = 1000
    for _ in range(count):
        metric.update([nd.zeros((1, 1))], [third])
    one = np.float64(np.float32(1 / 3)) ** (2 if make is mx.metric.MSE else 1)
    assert type(metric.sum_metric) is np.float64
    assert metric.get()[1] == pytest.approx(one, rel=1e-7 if make is mx.metric.MSE else 1e-12)
    assert metric.get_global()[1] == metric.get()[1]
    if make is Own:
        assert metric.peak == pytest.approx(count * one, rel=1e-12)


def test_perplexity_counts_beyond_float32():
    metric = mx.metric.Perplexity(ignore_label=0)
    labels, probabilities = nd.array([0, 1, 1]), nd.array([[0.5, 0.5]] * 3)
    metric.update([labels], [probabilities])
    metric.num_inst += 2**24
    metric.update([labels], [probabilities])
    assert metric.num_inst == 2 + 2**24 + 2
