"""What a run says about odd data sets before it trains."""

import numpy as np

from gluonlab.build.data import DataSets
from gluonlab.build.data_warnings import data_warnings
from gluonlab.config.sections import Data
from gluonlab.data.source import ArraySource

DATA = Data(name="npz", train="a.npz", val="b.npz", image_size=4, classes=8)
NAMES = tuple("abcdefgh")


def warnings_of(train_labels, val_labels, train_names=(), val_names=()):
    sources = [
        ArraySource(np.zeros((len(labels), 4, 4, 1), np.uint8), np.array(labels), classes=names)
        for labels, names in ((train_labels, train_names), (val_labels, val_names))
    ]
    return data_warnings(DATA, DataSets(*sources, len(train_labels), len(val_labels), train_names))


def test_nothing_is_said_of_whole_sets():
    assert warnings_of(range(8), range(8), NAMES, NAMES) == []
    assert data_warnings(DATA, DataSets(None, None, 8, 8)) == []


def test_classes_without_an_image_are_named_the_first_five_of_them():
    assert warnings_of([0, 7], range(8), NAMES, NAMES) == [
        "no training image of 6 classes of 8: b, c, d, e, f and 1 more"
    ]
    assert warnings_of(range(8), range(7)) == ["no validation image of 1 class of 8: 7"]


def test_names_on_one_side_only_are_told():
    told = "validation data have no class names, training data have: labels are taken as they are"
    assert warnings_of(range(8), range(8), NAMES) == [told]
