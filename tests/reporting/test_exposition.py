import math

import pytest

from gluonlab.reporting.exposition import Family, exposition

NASTY = 'a "b" \\ c\nd'


def families():
    info = Family("gluonlab_info", "gauge", "One\nof \\ these.")
    info.add(1, run=NASTY)
    seconds = Family("gluonlab_rank_phase_seconds_total", "counter", "Time.")
    seconds.add(1.5, rank="0", phase="training")
    seconds.add(1e-9, rank="1", phase="training")
    odd = Family("gluonlab_odd", "gauge", "Odd.")
    for value in (math.nan, math.inf, -math.inf):
        odd.add(value, at=str(value))
    return [info, seconds, odd, Family("gluonlab_nothing", "gauge", "Nothing.")]


def test_text_is_as_the_format_wants_it():
    assert exposition(families()) == (
        "# HELP gluonlab_info One\\nof \\\\ these.\n"
        "# TYPE gluonlab_info gauge\n"
        'gluonlab_info{run="a \\"b\\" \\\\ c\\nd"} 1\n'
        "# HELP gluonlab_rank_phase_seconds_total Time.\n"
        "# TYPE gluonlab_rank_phase_seconds_total counter\n"
        'gluonlab_rank_phase_seconds_total{rank="0",phase="training"} 1.5\n'
        'gluonlab_rank_phase_seconds_total{rank="1",phase="training"} 1e-09\n'
        "# HELP gluonlab_odd Odd.\n"
        "# TYPE gluonlab_odd gauge\n"
        'gluonlab_odd{at="nan"} NaN\n'
        'gluonlab_odd{at="inf"} +Inf\n'
        'gluonlab_odd{at="-inf"} -Inf\n'
    )


def test_prometheus_reads_back_what_was_said():
    parser = pytest.importorskip("prometheus_client.parser")
    read = {family.name: family for family in parser.text_string_to_metric_families(exposition(families()))}
    assert read["gluonlab_info"].documentation == "One\nof \\ these."
    assert read["gluonlab_info"].samples[0].labels == {"run": NASTY}
    phase = read["gluonlab_rank_phase_seconds"]
    assert phase.type == "counter"
    assert [(sample.labels["rank"], sample.value) for sample in phase.samples] == [("0", 1.5), ("1", 1e-9)]
    values = [sample.value for sample in read["gluonlab_odd"].samples]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]
