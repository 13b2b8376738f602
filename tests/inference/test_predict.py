import numpy as np

from gluonlab.inference.predict import accuracy


def test_the_label_needs_the_one_largest_logit():
    logits = np.array([[3, 1, 2], [3, 1, 2], [2, 2, 1], [0, 0, 0]], np.float32)
    assert accuracy(logits, [0, 2, 0, 1]) == 0.25
    assert (logits[0] == [3, 1, 2]).all(), "what is compared is a copy"


def test_a_class_that_the_network_has_not_is_wrong():
    assert accuracy(np.array([[3, 1], [3, 1]], np.float32), [0, 7]) == 0.5
    assert accuracy(np.array([[3, 1]], np.float32), [2]) == 0
