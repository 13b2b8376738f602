"""Position embeddings of another image size, against what timm makes of them."""

import json

import numpy as np
import pytest
import safetensors.numpy

from gluonlab.errors import CheckpointError
from gluonlab.models import ModelOptions, create
from gluonlab.models.pretrained import load_weights
from gluonlab.weights.importing import import_weights
from gluonlab.weights.model_folder import FACTS_FILE
from gluonlab.weights.position_embedding import resample
from tests.weights.drawn_weights import draw

# Of timm 1.0.31's resample_abs_pos_embed: grid before, grid after, every so many of the tokens, their values.
OF_TIMM = [
    (
        3,
        5,
        1,
        [
            -0.07757729,
            0.09984802,
            -0.1826945,
            -0.5151935,
            0.02175129,
            0.4166578,
            -0.03466449,
            -0.1733314,
            -0.3277434,
            -0.01344254,
            0.2130999,
            -0.2496857,
            -0.1607527,
            -0.02895452,
            -0.04086882,
            -0.06391305,
            -0.32239,
            -0.1695159,
            0.06741811,
            0.1069903,
            0.1060851,
            -0.3460128,
            -0.1767818,
            0.09715049,
            0.2083745,
            0.2508271,
        ],
    ),
    (3, 2, 1, [-0.07757729, -0.1708485, -0.01063535, -0.1697341, 0.1058158]),
    (
        14,
        24,
        72,
        [
            -0.01747839,
            -0.03043423,
            0.03268401,
            -0.03335052,
            -0.01936586,
            -0.0236251,
            0.01116055,
            -0.05911623,
            -0.05123512,
        ],
    ),
    (
        14,
        7,
        7,
        [
            -0.01747839,
            -0.01099647,
            0.003537358,
            -0.03092968,
            -0.009934781,
            0.01216843,
            -0.0245804,
            -0.02739402,
        ],
    ),
]


@pytest.mark.parametrize(("before", "after", "step", "expected"), OF_TIMM)
def test_resampled_embeddings_are_those_of_timm(before, after, step, expected):
    embedding = draw("pos_embed", (1, 1 + before**2, 1))
    found = resample(embedding, 1 + after**2)
    assert found.shape == (1, 1 + after**2, 1)
    np.testing.assert_allclose(found[0, ::step, 0], expected, atol=2e-7)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of timm's DeiT-tiny for images of 384 pixels, and its tensors."""
    net = create("deit_tiny_patch16_224", options=ModelOptions(image_size=384))
    names = {
        name.replace("gamma", "weight").replace("beta", "bias"): p.shape
        for name, p in net._collect_params_with_prefix().items()
    }
    tensors = {name: draw(name, shape) for name, shape in names.items()}
    path = tmp_path_factory.mktemp("deit") / "deit_384.safetensors"
    safetensors.numpy.save_file(tensors, path)
    return path, tensors


def test_weights_of_another_image_size_are_imported_and_the_folder_says_so(weights, tmp_path):
    path, tensors = weights
    import_weights(path, "deit_tiny_patch16_224", tmp_path / "model")
    assert json.loads((tmp_path / "model" / FACTS_FILE).read_text())["source"]["resampled"] == ["pos_embed"]
    net = create("deit_tiny_patch16_224", pretrained=tmp_path / "model")
    np.testing.assert_array_equal(net.pos_embed.data().asnumpy(), resample(tensors["pos_embed"], 197))
    np.testing.assert_array_equal(net.cls_token.data().asnumpy(), tensors["cls_token"])


def test_weights_of_the_same_image_size_are_left_as_they_are(weights):
    path, tensors = weights
    net = create("deit_tiny_patch16_224", options=ModelOptions(image_size=384))
    net.initialize()
    load_weights(net, path, model="deit_tiny_patch16_224")
    np.testing.assert_array_equal(net.pos_embed.data().asnumpy(), tensors["pos_embed"])


def test_what_embeds_no_grid_or_other_channels_is_refused(weights, tmp_path):
    _, tensors = weights
    for shape in ((1, 200, 192), (1, 577, 191)):
        safetensors.numpy.save_file(
            {**tensors, "pos_embed": draw("pos_embed", shape)}, tmp_path / "w.safetensors"
        )
        with pytest.raises(CheckpointError, match=r"CKP06.*tensor pos_embed has shape"):
            create("deit_tiny_patch16_224", pretrained=tmp_path / "w.safetensors")


def test_a_second_token_stays_as_the_first_does():
    """A grid with two tokens before it is resampled as that grid with one."""
    before = draw("pos_embed", (1, 2 + 9, 4))
    after = resample(before, 2 + 25)
    assert after.shape == (1, 27, 4)
    assert np.array_equal(after[:, :2], before[:, :2])
    assert np.array_equal(after[:, 1:], resample(before[:, 1:], 1 + 25))
    net = create("deit_tiny_distilled_patch16_224", options=ModelOptions(image_size=32))
    assert net.pos_embed.shape == (1, 2 + 4, 192)
