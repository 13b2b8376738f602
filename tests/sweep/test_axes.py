import pytest

from gluonlab.errors import ConfigError
from gluonlab.sweep.axes import parse_axes


def one(text, *, is_grid=True):
    (axis,) = parse_axes([text], is_grid=is_grid)
    return axis


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.lr=log:0.01..10:4", ["0.01", "0.1", "1", "10"]),
        ("a.lr=log:1e-5..1e-3:3", ["1e-05", "0.0001", "0.001"]),
        ("a.lr=linear:0..1:5", ["0", "0.25", "0.5", "0.75", "1"]),
        ("a.lr=linear:-1..1:3", ["-1", "0", "1"]),
        ("depth=int:1..4", ["1", "2", "3", "4"]),
        ("depth=int:1..9:3", ["1", "5", "9"]),
        ("depth=int:1..3:9", ["1", "2", "3"]),
        ("name=sgd,nag, lars", ["sgd", "nag", "lars"]),
        ("mean=[1, 2],[3, 4]", ["[1, 2]", "[3, 4]"]),
        ("seed=7", ["7"]),
    ],
)
def test_the_values_of_a_grid(text, values):
    assert one(text).grid() == values


def test_a_third_of_ten_to_the_minus_five_stays_in_its_range():
    axis = one("lr=log:3.3333333e-6..1e-3:5")
    assert all(axis.low <= float(value) <= axis.high for value in axis.grid())
    assert float(axis.grid()[0]) == 3.3333333e-6


def test_shares_of_a_range():
    assert one("lr=log:0.01..100", is_grid=False).at(0.5) == "1"
    assert [one("n=int:1..3", is_grid=False).at(share) for share in (0, 0.34, 0.99, 1)] == [
        "1",
        "2",
        "3",
        "3",
    ]
    assert [one("n=a,b", is_grid=False).at(share) for share in (0, 0.49, 0.5, 1)] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schedule.base_lr", "KEY=RANGE"),
        ("lr=log:0.01..10", "needs the number of values"),
        ("lr=log:0..10:3", "not above 0"),
        ("lr=log:10..1:3", "not upwards"),
        ("lr=linear:1..1:3", "not upwards"),
        ("lr=log:a..b:3", "no number: 'a'"),
        ("lr=linear:0..inf:3", "not finite"),
        ("lr=log:1..2:one", "2 to 1000 values, got 'one'"),
        ("lr=log:1..2:1", "2 to 1000 values"),
        ("lr=log:1-2:3", "cannot be read"),
        ("n=int:0.5..2", "whole numbers"),
        ("n=a,,b", "empty choice"),
        ("n=a,a", "one twice"),
        ("run_dir=a,b", "cannot be swept"),
    ],
)
def test_a_range_that_cannot_be_read_names_its_key(text, words):
    with pytest.raises(ConfigError, match="SWP01") as refused:
        parse_axes([text, "other=1,2"], is_grid=True)
    assert words in str(refused.value)
    assert text.split("=")[0] in str(refused.value)
    assert refused.value.exit_code == 2


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as refused:
        parse_axes(["a=log:2..1:3", "b=1,2", "b=3,4"], is_grid=True)
    assert len(refused.value.problems) == 2
    assert "b comes twice" in str(refused.value)
