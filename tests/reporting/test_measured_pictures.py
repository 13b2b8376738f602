"""What `gluonlab bench` measured, drawn: every value that goes in is found in the picture."""

import cv2
import numpy as np
import pytest

from gluonlab.bench.statistics import summarize
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.reporting.html_report import write_report
from gluonlab.reporting.measured_pictures import check_picture_file, pictures_of, write_pictures

# matplotlib 3.9 calls functions that pyparsing 3.3 has renamed
pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated - use:DeprecationWarning")

PARTS = {"input": 0.1, "forward": 0.3, "backward": 0.6, "communication": 0.2, "hidden": 0.1}
SHARED = {"model": "small", "mode": "training", "precision": "float32", "threads": 1, "unit": "images/s"}


def rate(batch=8, values=(10.0, 11.0, 12.0), processes=1, **more):
    name = f"batch {batch}, {processes} process(es), {more}"
    row = {**SHARED, "name": name, "batch": batch, "processes": processes, "backend": None}
    return {**row, "is_independent": False, **summarize(values), **more}


def result(benchmark, *rows):
    return {"benchmark": benchmark, "rows": list(rows)}


def axes_of(picture):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    picture.draw(axes)
    return axes


def curves_of(axes):
    return {line.get_color(): list(zip(*line.get_data())) for line in axes.lines}


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_throughput_has_a_curve_for_each_way_and_a_point_for_each_batch():
    rows = [rate(batch, [batch * scale], engine=engine) for scale, engine in ((2.0, None), (3.0, "fused"))
            for batch in (16, 1, 4)]  # fmt: skip
    (picture,) = pictures_of([result("throughput", *rows)])
    axes = axes_of(picture)
    network, fused = curves_of(axes).values()
    assert network == [(1, 2), (4, 8), (16, 32)]
    assert fused == [(1, 3), (4, 12), (16, 48)]
    assert legend_of(axes) == ["network", "fused"]
    assert axes.get_ylim()[0] == 0


def test_the_range_of_the_blocks_is_drawn_at_each_point():
    (picture,) = pictures_of([result("throughput", rate(8, [10.0, 11.0, 14.0]))])
    (ranges,) = axes_of(picture).collections
    assert ranges.get_segments()[0].tolist() == [[8, 10], [8, 14]]


def test_scaling_starts_all_lines_at_one_process_and_shows_the_line_of_no_loss():
    rows = [
        rate(8, [10.0]),
        rate(4, [19.0], 2, backend="mpi"),
        rate(4, [15.0], 2, backend="kvstore"),
        rate(4, [19.5], 2, backend="mpi", is_independent=True),
    ]
    (picture,) = pictures_of([result("scaling", *({**row, "scaling": "strong"} for row in rows))])
    axes = axes_of(picture)
    assert list(curves_of(axes).values()) == [
        [(1, 10), (2, 19)],
        [(1, 10), (2, 15)],
        [(1, 10), (2, 19.5)],
        [(1, 10), (2, 20)],
    ]
    assert legend_of(axes) == ["mpi", "kvstore", "apart", "no loss"]


def test_sums_of_several_files_are_drawn_together():
    def sums(backend, *sizes):
        rows = [
            {
                "name": f"{backend} {size}",
                "backend": backend,
                "processes": 2,
                "bytes": size,
                **summarize([2.0]),
            }
            for size in sizes
        ]
        return result("allreduce", *rows)

    (picture,) = pictures_of([sums("mpi", 1000, 100), sums("gloo", 100)])
    axes = axes_of(picture)
    assert legend_of(axes) == ["mpi, 2 processes", "gloo, 2 processes"]
    assert list(curves_of(axes).values()) == [[(100, 2), (1000, 2)], [(100, 2)]]


def test_the_parts_of_an_update_lie_end_to_end_without_what_is_hidden():
    rows = [rate(8, split_seconds=PARTS), rate(16, split_seconds={key: 2 * s for key, s in PARTS.items()})]
    _, picture = pictures_of([result("throughput", *rows)])
    axes = axes_of(picture)
    assert legend_of(axes) == ["input", "forward", "backward", "communication"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["batch 8", "batch 16"]
    last = axes.containers[-1]
    assert [bar.get_x() + bar.get_width() for bar in last] == pytest.approx([1200, 2400])  # ms


def test_pictures_go_into_one_png_one_below_the_other(tmp_path):
    pictures = pictures_of(
        [result("throughput", rate(8, split_seconds=PARTS), rate(16, split_seconds=PARTS))]
    )
    path = tmp_path / "all.png"
    write_pictures(path, pictures)
    image = cv2.imread(str(path))
    height, width, _ = image.shape
    assert (height, width) == (2 * 540, 960)
    for half in np.split(image, 2):
        assert len(np.unique(half.reshape(-1, 3), axis=0)) > 10  # not blank
    first = path.read_bytes()
    write_pictures(path, pictures)
    assert path.read_bytes() == first


def test_what_is_no_picture_and_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="CLI02"):
        check_picture_file(tmp_path / "plot.pdf")
    pictures = pictures_of([result("throughput", rate())])
    with pytest.raises(CheckpointError, match="CKP01"):
        write_pictures(tmp_path / "nowhere" / "plot.png", pictures)


def test_the_report_shows_measurements_with_their_marks(tmp_path):
    marked = rate(8, is_oversubscribed=True, complete=False, split_seconds=PARTS)
    path = tmp_path / "report.html"
    write_report([], path, {"a<b.json": result("throughput", {**marked, "name": "a & b"})})
    page = path.read_text()
    assert page.count("<figure>") == 2
    assert "<h3>a&lt;b.json</h3>" in page
    assert "a &amp; b" in page
    assert "interrupted, fewer cores than threads" in page


def test_the_report_refuses_rows_that_lack_what_a_measurement_has(tmp_path):
    row = rate()
    del row["lowest"]
    with pytest.raises(ConfigError, match=r"BEN01\] x.json"):
        write_report([], tmp_path / "report.html", {"x.json": result("throughput", row)})
    assert not (tmp_path / "report.html").exists()
