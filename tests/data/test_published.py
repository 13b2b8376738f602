from typing import get_args

from gluonlab.config.sections import Data
from gluonlab.data.digits import load_digits
from gluonlab.data.published import PUBLISHED_SIZES

OF_THE_USER = {"record", "folder", "npz", "synthetic"}


def test_every_data_set_with_a_name_of_its_own_has_its_sizes():
    names = set(get_args(Data.model_fields["name"].annotation))
    assert set(PUBLISHED_SIZES) == names - OF_THE_USER


def test_those_of_the_digits_are_what_ships():
    assert PUBLISHED_SIZES["digits"] == (len(load_digits("train")), len(load_digits("val")))
