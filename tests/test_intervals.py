import pytest

from gluonlab.intervals import Interval, parse_interval


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500steps", Interval(500, "steps")),
        ("1step", Interval(1, "steps")),
        ("2.5epochs", Interval(2.5, "epochs")),
        ("10min", Interval(600, "seconds")),
        ("30 s", Interval(30, "seconds")),
        ("1h", Interval(3600, "seconds")),
        ("never", None),
    ],
)
def test_intervals_are_read_with_their_unit(text, expected):
    assert parse_interval(text) == expected


@pytest.mark.parametrize("text", ["10", "0s", "-1s", "1.5steps", "ten min", ""])
def test_other_words_are_refused(text):
    with pytest.raises(ValueError, match=r"interval|whole"):
        parse_interval(text)
