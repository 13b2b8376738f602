import numpy as np

from gluonlab.inference.predict import are_right


def test_the_label_needs_the_one_largest_logit():
    logits = np.array([[3, 1, 2], [3, 1, 2], [2, 2, 1], [0, 0, 0]], np.float32)
    assert np.mean(are_right(logits, [0, 2, 0, 1])) == 0.25
    assert (logits[0] == [3, 1, 2]).all(), "what is compared is a copy"


def test_a_class_that_the_network_has_not_is_wrong():
    assert np.mean(are_right(np.array([[3, 1], [3, 1]], np.float32), [0, 7])) == 0.5
    assert np.mean(are_right(np.array([[3, 1]], np.float32), [2])) == 0
