"""Five ways to compute one network, and what is made of its logits."""

import numpy as np
import pytest

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.views import CentreCrop
from gluonlab.errors import CheckpointError, ConfigError, DataError
from gluonlab.inference import ENGINES
from gluonlab.inference.compare import tolerance_of
from gluonlab.inference.engines import checked_once, make_engine
from gluonlab.inference.features import features
from gluonlab.inference.images import ImageFiles, find_images, read_batch
from gluonlab.inference.predict import softmax, top_classes
from gluonlab.models import create
from gluonlab.models.class_names import imagenet_classes
from gluonlab.runtime.mxnet import gluon, mx, nd

IMAGES = np.random.RandomState(0).standard_normal((8, 3, 32, 32)).astype("float32")
TOLERANCE = {"mxnet": 1e-6, "fused": 1e-5, "onnxruntime": 1e-5, "torch": 1e-5, "int8": 0.1}


@pytest.fixture(scope="module")
def net():
    """With running statistics that a fold has to take into account."""
    mx.random.seed(0)
    net = create("cifar_resnet20")
    net.initialize()
    random = np.random.RandomState(1)
    for name, parameter in net._collect_params_with_prefix().items():
        if name.endswith("running_mean"):
            parameter.set_data(nd.array(random.uniform(-0.3, 0.3, parameter.shape)))
        if name.endswith(("running_var", "gamma")):
            parameter.set_data(nd.array(random.uniform(0.5, 1.5, parameter.shape)))
    return net


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_gives_the_logits_of_the_network(net, engine):
    if engine == "torch":
        pytest.importorskip("torch")
    expected = net(nd.array(IMAGES)).asnumpy()
    before = {name: p.data().asnumpy() for name, p in net._collect_params_with_prefix().items()}
    compute = make_engine(net, engine, (3, 32, 32), calibration=IMAGES)
    for count in (8, 3, 8):
        difference = np.abs(compute(IMAGES[:count]) - expected[:count]).max() / np.abs(expected).max()
        assert difference < TOLERANCE[engine]
        assert difference > 0 or engine == "mxnet", "another computation has another rounding"
    for name, parameter in net._collect_params_with_prefix().items():
        np.testing.assert_array_equal(parameter.data().asnumpy(), before[name])


def test_an_unknown_engine_and_int8_without_images_are_refused(net):
    with pytest.raises(ConfigError, match=r"CFG79.*engine tpu: is not known; known are mxnet, fused"):
        make_engine(net, "tpu", (3, 32, 32))
    with pytest.raises(ConfigError, match=r"CFG79.*calibration images"):
        make_engine(net, "int8", (3, 32, 32))


def test_an_engine_that_computes_something_else_is_told_at_its_first_batch():
    """An outlier of another channel takes all the 8-bit integers."""
    net = gluon.nn.HybridSequential()
    net.add(
        gluon.nn.Conv2D(4, 1, in_channels=3, use_bias=False), gluon.nn.GlobalAvgPool2D(), gluon.nn.Flatten()
    )
    net.initialize()
    net(nd.zeros((1, 3, 8, 8)))
    net[0].weight.set_data(net[0].weight.data() * nd.array([0, 1, 1]).reshape((1, 3, 1, 1)))
    images = IMAGES[:, :, :8, :8] * np.array([1e5, 1, 1], "float32").reshape(1, 3, 1, 1)
    compute = make_engine(net, "int8", (3, 8, 8), calibration=images)
    with pytest.raises(CheckpointError) as error:
        compute(images)
    assert str(error.value).startswith("error[CKP47] engine int8: logits differ by ")
    assert str(error.value).endswith("; --no-check uses it as it is")
    unchecked = make_engine(net, "int8", (3, 8, 8), calibration=images, check=False)
    assert unchecked(images).shape == (8, 4)


def test_the_network_is_asked_once_and_the_tolerance_is_stated():
    asked = []

    def network(images):
        asked.append(len(images))
        return np.array([[2.0, 1.0]], "float32")

    compute = checked_once(lambda images: np.array([[2.0001, 1.0]], "float32"), "fused", network)
    compute(IMAGES[:1])
    compute(IMAGES[:1])
    assert asked == [1]
    far = checked_once(lambda images: np.array([[2.0003, 1.0]], "float32"), "fused", network)
    with pytest.raises(
        CheckpointError, match=r"CKP47.*engine fused: logits differ by 0.0003, the largest is 2;"
    ):
        far(IMAGES[:1])
    broken = checked_once(lambda images: np.array([[np.nan, 1.0]], "float32"), "onnxruntime", network)
    with pytest.raises(CheckpointError, match="CKP47"):
        broken(IMAGES[:1])
    assert [tolerance_of(engine) for engine in ("fused", "onnxruntime", "int8")] == [1e-4, 1e-4, 0.25]


def test_probabilities_and_the_likeliest_classes():
    logits = np.log(np.array([[1, 2, 4, 1], [8, 0.5, 0.25, 0.25]], "float32"))
    np.testing.assert_allclose(softmax(logits)[0], [1 / 8, 1 / 4, 1 / 2, 1 / 8], rtol=1e-6)
    np.testing.assert_allclose(softmax(logits + 1000).sum(axis=1), 1)
    first, second = top_classes(logits, 3, ("a", "b", "c"))
    assert [item["class"] for item in first] == [2, 1, 0]
    assert first[0]["name"] == "c"
    assert first[0]["probability"] == pytest.approx(0.5)
    assert [item["name"] for item in second] == ["a", "b", "c"]
    assert top_classes(logits, 9, ())[0][-1]["name"] == "3"


def test_features_are_what_the_classifier_is_given(net):
    vectors = features(net, IMAGES)
    assert vectors.shape == (8, 64)
    weight, bias = net.output.weight.data().asnumpy(), net.output.bias.data().asnumpy()
    np.testing.assert_allclose(
        vectors @ weight.T + bias, net(nd.array(IMAGES)).asnumpy(), rtol=1e-4, atol=1e-4
    )
    net.hybridize()
    np.testing.assert_allclose(features(net, IMAGES), vectors, rtol=1e-6)


def test_images_that_cannot_be_read_are_all_listed(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    files = find_images([tmp_path])
    assert [path.name for path in files] == ["a.jpg", "b.png"]
    with pytest.raises(DataError) as error:
        read_batch(ImageFiles(files), Augmentation(CentreCrop(8, 8), 1), (0,), (1,))
    assert [problem.code for problem in error.value.problems] == ["DAT06", "DAT06"]
    with pytest.raises(DataError) as error:
        find_images([tmp_path / "empty", tmp_path / "none.jpg"])
    assert str(error.value).splitlines() == [
        f"error[DAT75] {tmp_path / 'empty'}: holds no images",
        f"error[DAT75] {tmp_path / 'none.jpg'}: no such file",
    ]


def test_imagenet_has_a_thousand_class_names():
    names = imagenet_classes()
    assert len(names) == 1000
    assert (names[0], names[207], names[999]) == ("tench", "golden retriever", "toilet tissue")


@pytest.mark.parametrize(("name", "engine"), [("ghostnet_050", "fused"), ("efficientnet_b0", "int8")])
def test_a_network_that_onednn_cannot_take_is_refused_in_one_line(name, engine):
    images = np.random.RandomState(0).standard_normal((2, 3, 64, 64)).astype("float32")
    net = create(name, classes=10)
    net.initialize()
    with pytest.raises(
        ConfigError, match=rf"CFG79\] engine {engine}: cannot compute this network: "
    ) as error:
        make_engine(net, engine, (3, 64, 64), calibration=images)(images)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "convnext_atto",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("ghostnet_050", "convnextv2_atto", "shufflenet_v2_x0_5")
        ),
    ],
)
def test_newer_networks_in_eight_bits(name):
    mx.random.seed(0)
    images = np.random.RandomState(0).standard_normal((4, 3, 64, 64)).astype("float32")
    net = create(name, classes=10)
    net.initialize(mx.init.Xavier())
    logits, expected = (
        make_engine(net, engine, (3, 64, 64), calibration=images)(images) for engine in ("int8", "mxnet")
    )
    assert np.abs(logits - expected).max() < 0.1 * np.abs(expected).max()
