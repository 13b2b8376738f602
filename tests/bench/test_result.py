import json

import pytest

from gluonlab.bench.compare import compare_results
from gluonlab.bench.result import Result, read_result
from gluonlab.bench.statistics import summarize
from gluonlab.errors import ConfigError


def row(values, **more):
    return {"unit": "images/s", "higher_is_better": True, **summarize(values), **more}


def test_a_result_is_marked_until_it_is_finished(tmp_path):
    path = tmp_path / "result.json"
    result = Result("throughput", {"machine": "here"}, path)
    result.put("one", row([1.0]), is_complete=False)
    half = json.loads(path.read_text())
    assert (half["complete"], half["rows"][0]["complete"]) == (False, False)
    result.put("one", row([1.0, 2.0]))
    result.finish()
    whole = read_result(path)
    assert (whole["complete"], whole["rows"][0]["complete"], len(whole["rows"])) == (True, True, 1)
    assert whole["machine"] == "here"


@pytest.mark.parametrize("text", ['{"rows": 3}', '{"rows": [{"name": "x", "unit": "s", "values": [0]}]}'])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="BEN01"):
        read_result(path)


def compared(old, new, threshold=0.05, **more):
    results = [{"rows": [{"name": "a", **row(values, **more)}]} for values in (old, new)]
    return compare_results(*results, threshold)


STEADY = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2]


def test_a_clear_loss_is_worse_and_noise_is_not():
    assert compared(STEADY, [0.9 * rate for rate in STEADY]).is_worse
    assert not compared(STEADY, [0.97 * rate for rate in STEADY]).is_worse
    assert not compared(STEADY, [1.2 * rate for rate in STEADY]).is_worse
    noisy = [60.0, 130.0, 70.0, 120.0, 100.0, 85.0]
    assert not compared(STEADY, noisy).is_worse  # the interval reaches to where nothing is lost


def test_seconds_are_worse_when_they_grow():
    assert compared(STEADY, [1.1 * time for time in STEADY], higher_is_better=False).is_worse
    assert not compared(STEADY, [0.9 * time for time in STEADY], higher_is_better=False).is_worse


def test_rows_of_one_result_only_are_told():
    old = {"rows": [{"name": "a", **row([1.0])}, {"name": "b", **row([1.0])}]}
    new = {"rows": [{"name": "b", **row([1.0])}, {"name": "c", **row([1.0])}]}
    comparison = compare_results(old, new, 0.1)
    assert (comparison.only_old, comparison.only_new) == (["a"], ["c"])
    assert [change.name for change in comparison.changes] == ["b"]
