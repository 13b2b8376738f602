"""Results and runs that draw themselves in a notebook: tables, and curves as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional, Union

from gluonlab.errors import CheckpointError
from gluonlab.reporting.html_page import pairs_table
from gluonlab.reporting.run_sections import (
    curves_section,
    differences_section,
    flatten,
    name_runs,
    results_section,
)
from gluonlab.reporting.runs import RunRecord, list_runs, read_run
from gluonlab.reporting.seeds import group_by_recipe, seeds_section

# A page has a style sheet; an output must not reach the rest of the notebook.
_STYLE = """<style>
.gluonlab h2 { font-size: 1.1em; margin: 1em 0 .3em; }
.gluonlab .card { overflow-x: auto; }
.gluonlab .figures { display: flex; flex-wrap: wrap; gap: 8px; }
.gluonlab figure { margin: 0; padding: 6px; background: #fff; flex: 1 1 380px; max-width: 560px; }
.gluonlab figure svg { display: block; width: 100%; height: auto; }
.gluonlab .chip { width: 30px; height: 12px; margin-right: 8px; padding: 1px 4px; background: #fff; }
.gluonlab .note { font-size: .85em; opacity: .8; }
</style>"""


class Results(dict[str, Any]):
    """What a run or an evaluation came to, by name; a dict that a notebook shows as a table.

    ``run_dir``: of a run whose curves are drawn below it, as far as it is still there.
    """

    def __init__(self, values: Mapping[str, Any], run_dir: Optional[Path] = None) -> None:
        super().__init__(values)
        self.run_dir = run_dir

    def _repr_html_(self) -> str:
        if self.run_dir is not None:
            try:
                return read_runs(self.run_dir)._repr_html_()
            except (CheckpointError, OSError):  # moved, or deleted since
                pass
        return _framed(pairs_table([(name, [_shown(name, value)]) for name, value in self.items()]))


class DrawnRun(RunRecord):
    """A run as it lies on disk; a notebook shows its results and curves."""

    def _repr_html_(self) -> str:
        return Runs([self])._repr_html_()


class Runs(list[DrawnRun]):
    """Runs as they lie on disk; a notebook shows their results, their curves over each other, differences."""

    def _repr_html_(self) -> str:
        if not self:
            return _framed("<p>No runs here yet.</p>")
        runs = name_runs(self)
        groups = group_by_recipe(runs)
        sections = [
            results_section(runs, groups),
            *filter(None, [seeds_section(groups)]),
            curves_section(groups),
            *differences_section(runs),
        ]
        return _framed("\n".join(sections))


def read_runs(*paths: Union[str, Path]) -> Runs:
    """The runs in ``paths``: of a directory that is no run, all that are in it and can be read.

    Raises:
        CheckpointError: CKP02 no such directory, CKP03 a file of a run that was named is damaged.
    """
    found = Runs()
    for path in map(Path, paths):
        below = [run.path for run in list_runs(path) if run.state != "damaged"]
        found += [DrawnRun(**vars(read_run(run))) for run in below or [path]]
    return found


def _framed(html: str) -> str:
    return f'<div class="gluonlab">{_STYLE}\n{html}\n</div>'


def _shown(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2%}" if name.startswith("top") else f"{value:.6g}"
    if isinstance(value, (dict, list, tuple)):
        return ", ".join(f"{key}: {item}" if key else item for key, item in flatten(value).items())
    return f"{value:,}" if type(value) is int else str(value)
