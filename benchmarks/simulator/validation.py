"""Predict every published point with the simulator, each series with constants fitted on the others only.

python -m benchmarks.simulator.validation

Reads benchmarks/simulator/published_scaling.json; writes
benchmarks/results/simulate/validation.json, the tables in
docs/simulate.md and docs/simulate_validation.svg. docs/simulate.md says what is fitted and how.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from math import log
from statistics import mean, median
from typing import Any

from benchmarks.simulator.published import (
    Constants,
    Model,
    Prediction,
    Series,
    compute_rate,
    has_own_rate,
    predict,
    rated_points,
)
from benchmarks.tables import ROOT
from gluonlab.reporting.plots import PALETTE
from gluonlab.reporting.run_files import write_json

PUBLISHED = ROOT / "benchmarks/simulator/published_scaling.json"
RESULT = ROOT / "benchmarks/results/simulate/validation.json"
PAGE, PICTURE = ROOT / "docs/simulate.md", ROOT / "docs/simulate_validation.svg"

NETWORK_FRACTIONS = (0.6, 0.7, 0.8, 0.9)
# Of 56 Gb/s InfiniBand the all-reduce fits published with MG-WFBP (Shi et al. 2019) reach 0.66.
NOISE_FRACTIONS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05)
OVERHEAD_SECONDS: Mapping[str, Sequence[float]] = {
    "eager": (0.030,),  # not fitted: MXNet's curves of batch 1 to 32 or 128 on P100 and V100
    "mlperf_v0.5": (0.020, 0.025, 0.030, 0.035, 0.040, 0.045, 0.050),
    "mxnet_2019": (0.005, 0.008, 0.010, 0.012, 0.014, 0.016, 0.020),
    "mxnet_graphs": (0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008),
    "tpu_2019": (0.0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.010),
    "tpu_2021": (0.0, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004),
}

Choice = tuple[float, float, float]
ErrorTable = Mapping[Choice, float]
"""Mean error of one series for each network fraction, noise fraction and overhead of its software."""


def main() -> None:
    published = json.loads(PUBLISHED.read_text())
    model, all_series = Model(published), published["series"]
    tables = {
        series["name"]: error_table(model, series, all_series) for series in all_series if is_fitted(series)
    }
    software = {series["name"]: series["software"] for series in all_series}
    predictions, left_out = [], {}
    for series in all_series:
        others = {name: table for name, table in tables.items() if name != series["name"]}
        left_out[series["name"]] = constants = fit_constants(others, software)
        rate = compute_rate(model, series, constants, all_series)
        predictions += predict(model, series, constants, rate)
    result = {
        "constants": asdict(fit_constants(tables, software)),
        "constants_range": constants_range(left_out.values()),
        "summary": {name: summary(group) for name, group in groups(predictions, published).items()},
        "series": {
            series["name"]: summary([one for one in predictions if one.series == series["name"]])
            for series in all_series
        },
        "predictions": [{**asdict(one), "error": one.error} for one in predictions],
        "not_predicted": published["not_predicted"],
    }
    write_json(RESULT, result)
    PICTURE.write_text(draw(predictions, [one["name"] for one in all_series if not one.get("fitted", True)]))
    PAGE.write_text(fill_in(PAGE.read_text(), result))
    print(render_constants(result), render_summary(result["summary"]), render_series(result), sep="\n")


def is_fitted(series: Series) -> bool:
    """Whether the fit sees it: series that tell how a rate changes, without those kept out as a test."""
    return series.get("fitted", True) and (has_own_rate(series) or not rated_points(series))


def error_table(model: Model, series: Series, all_series: Sequence[Series]) -> ErrorTable:
    """The mean size of the logarithmic errors of ``series`` for each choice of constants."""
    table = {}
    for choice in product(NETWORK_FRACTIONS, NOISE_FRACTIONS, OVERHEAD_SECONDS[series["software"]]):
        fraction, noise, overhead = choice
        constants = Constants(fraction, noise, {series["software"]: overhead})
        rate = compute_rate(model, series, constants, all_series)
        scored = [one for one in predict(model, series, constants, rate) if one.is_scored]
        table[choice] = mean(abs(log(one.predicted / one.published)) for one in scored)
    return table


def fit_constants(tables: Mapping[str, ErrorTable], software: Mapping[str, str]) -> Constants:
    """The choice with the smallest sum of the errors of all series, each of which counts once."""
    candidates = []
    for fraction, noise in product(NETWORK_FRACTIONS, NOISE_FRACTIONS):
        total, overheads = 0.0, {}
        for name, choices in OVERHEAD_SECONDS.items():
            mine = [table for series, table in tables.items() if software[series] == name]
            sums = {choice: sum(table[fraction, noise, choice] for table in mine) for choice in choices}
            overheads[name] = min(sums, key=sums.__getitem__)
            total += sums[overheads[name]]
        candidates.append((total, Constants(fraction, noise, overheads)))
    return min(candidates, key=lambda candidate: candidate[0])[1]


def constants_range(fits: Iterable[Constants]) -> dict[str, list[float]]:
    """Smallest and largest value of each constant over the fits that leave out one series each."""
    values: dict[str, list[float]] = {}
    for fit in fits:
        named = {"network_fraction": fit.network_fraction, "noise_fraction": fit.noise_fraction}
        for name, value in {**named, **fit.overhead_seconds}.items():
            values.setdefault(name, []).append(value)
    return {name: [min(found), max(found)] for name, found in values.items()}


def groups(predictions: Sequence[Prediction], published: Mapping[str, Any]) -> dict[str, list[Prediction]]:
    """The predictions that a row of the summary is about."""
    all_series, systems = published["series"], published["systems"]
    several = {series["name"] for series in all_series if has_own_rate(series)}
    node = {series["name"]: systems[series["system"]]["gpus_per_node"] for series in all_series}
    kept_out = {series["name"] for series in all_series if not series.get("fitted", True)}
    listed = [one for one in predictions if one.series not in kept_out]
    rates = [one for one in listed if one.kind == "rate"]
    return {
        "efficiency": [one for one in listed if one.kind == "efficiency"],
        "throughput": [one for one in listed if one.kind != "efficiency"],
        "efficiency, more than one node": [
            one for one in listed if one.kind == "efficiency" and one.gpus > node[one.series]
        ],
        "throughput, more than one node": [
            one for one in listed if one.kind != "efficiency" and one.gpus > node[one.series]
        ],
        "throughput, in a series of several points": [one for one in rates if one.series in several],
        "throughput, alone, its device known from other series": [
            one for one in rates if one.series not in several
        ],
        "throughput, derived from a published time": [one for one in listed if one.kind == "rate from time"],
        "of series that no fit has seen:": [one for one in predictions if one.series in kept_out],
    }


def summary(predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
    """Number, median, 90th percentile and largest size of the scored errors, by kind."""
    found = {}
    for name, kinds in {"throughput": ("rate", "rate from time"), "efficiency": ("efficiency",)}.items():
        errors = sorted(abs(one.error) for one in predictions if one.is_scored and one.kind in kinds)
        if errors:
            ninetieth = errors[min(int(0.9 * len(errors)), len(errors) - 1)]
            found[name] = {
                "points": len(errors),
                "median": median(errors),
                "percentile_90": ninetieth,
                "largest": errors[-1],
            }
    return found


def render_constants(result: Mapping[str, Any]) -> str:
    """What is fitted, with the range over the fits that leave out one series each."""
    constants, spread = result["constants"], result["constants_range"]
    rows = [
        ("share of the nominal network rate", constants["network_fraction"], spread["network_fraction"], ""),
        ("noise of the time of a pass, sd / mean", constants["noise_fraction"], spread["noise_fraction"], ""),
    ]
    rows += [
        (f"overhead of a pass, `{name}`", 1e3 * value, [1e3 * bound for bound in spread[name]], " ms")
        for name, value in constants["overhead_seconds"].items()
    ]
    lines = ["| constant | all series | leaving one out |", "|---|--:|--:|"]
    for name, value, (low, high), unit in rows:
        lines.append(f"| {name} | {value:g}{unit} | {low:g} to {high:g}{unit} |")
    return "\n".join(lines) + "\n"


def render_summary(groups_: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """One row for each group of points."""
    lines = ["| points | number | median | 90th percentile | largest |", "|---|--:|--:|--:|--:|"]
    for name, kinds in groups_.items():
        for kind, row in kinds.items():
            lines.append(f"| {f'{name} {kind}' if name.endswith(':') else name} | {_cells(row)} |")
    return "\n".join(lines) + "\n"


def render_series(result: Mapping[str, Any]) -> str:
    """One row for each series and kind with a scored point."""
    lines = ["| series | what | points | median | 90th percentile | largest |", "|---|---|--:|--:|--:|--:|"]
    for name, kinds in result["series"].items():
        lines += [f"| {name} | {kind} | {_cells(row)} |" for kind, row in kinds.items()]
    return "\n".join(lines) + "\n"


def _cells(row: Mapping[str, float]) -> str:
    shares = " | ".join(f"{row[key]:.1%}" for key in ("median", "percentile_90", "largest"))
    return f"{row['points']:.0f} | {shares}"


def fill_in(page: str, result: Mapping[str, Any]) -> str:
    """``page`` with what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` made anew."""
    sections = {
        "constants": render_constants(result),
        "summary": render_summary(result["summary"]),
        "series": render_series(result),
    }
    for name, text in sections.items():
        before, rest = page.split(f"<!-- {name} -->\n")
        after = rest.split(f"<!-- /{name} -->")[1]
        page = f"{before}<!-- {name} -->\n{text}<!-- /{name} -->{after}"
    return page


def draw(predictions: Sequence[Prediction], kept_out: Sequence[str]) -> str:
    """Predicted against published images per second of the scored points, as SVG."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    shown = [one for one in predictions if one.is_scored and one.kind != "efficiency"]
    clouds = {
        "published rate": ("o", [one for one in shown if one.kind == "rate" and one.series not in kept_out]),
        "derived from a published time": ("^", [one for one in shown if one.kind == "rate from time"]),
        "series that no fit has seen": ("s", [one for one in shown if one.series in kept_out]),
    }
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "gluonlab simulate"}):
        figure = Figure(figsize=(6.4, 5.2), layout="constrained", facecolor="white")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for index, (label, (marker, cloud)) in enumerate(clouds.items()):
            x, y = zip(*((one.published, one.predicted) for one in cloud))
            axes.scatter(x, y, s=14, marker=marker, color=PALETTE[index], label=label)
        ends = [min(one.published for one in shown) / 1.5, max(one.published for one in shown) * 1.5]
        for factor, dash in ((1.0, "-"), (1.25, ":"), (0.8, ":")):
            axes.plot(ends, [factor * end for end in ends], color="#666666", linestyle=dash, linewidth=0.9)
        axes.set(xscale="log", yscale="log", xlabel="published images/s", ylabel="predicted images/s")
        axes.legend(fontsize=9)
        text = io.StringIO()
        figure.savefig(
            text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return text.getvalue()


if __name__ == "__main__":
    main()
