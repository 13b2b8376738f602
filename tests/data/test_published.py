from gluonlab.data.digits import load_digits
from gluonlab.data.sections.published import published_sets


def test_the_sizes_of_the_digits_are_what_ships():
    assert published_sets()["digits"].sizes == (len(load_digits("train")), len(load_digits("val")))
