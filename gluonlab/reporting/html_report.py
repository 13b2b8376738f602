"""The report on one or several runs: results, curves, configuration and environment in one HTML file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Optional

from gluonlab.reporting.html_page import page, pairs_table
from gluonlab.reporting.measured_pictures import Result
from gluonlab.reporting.measured_section import measured_section
from gluonlab.reporting.run_files import write_text
from gluonlab.reporting.run_sections import (
    NamedRuns,
    curves_section,
    differences_section,
    differing_keys,
    flatten,
    name_runs,
    results_section,
)
from gluonlab.reporting.runs import RunRecord, read_run
from gluonlab.reporting.seeds import group_by_recipe, seeds_section
from gluonlab.reporting.sweep_section import best_runs, sweep_section
from gluonlab.sweep.record import Sweep

Results = Mapping[str, Result]


def write_report(
    run_dirs: Sequence[Path], out_path: Path, results: Optional[Results] = None, sweeps: Sequence[Sweep] = ()
) -> None:
    """Write one self-contained HTML file about the runs in ``run_dirs`` and ``results`` of `gluonlab bench`.

    Of ``sweeps`` it has the results against their keys, and the best runs as if they had been named.

    The same runs give the same bytes. CheckpointError CKP02 if a run is missing, CKP03 if one of its
    files is damaged, OSError if ``out_path`` cannot be written.
    """
    of_sweeps = [path for sweep in sweeps for path in best_runs(sweep)]
    runs = name_runs([read_run(path) for path in [*run_dirs, *of_sweeps]])
    title = next(iter(runs)) if len(runs) == 1 else f"{len(runs)} runs compared" if runs else "Measurements"
    sections = [f'<h1>{escape(title)}</h1>\n<p class="soft">gluonlab report</p>']
    sections += map(sweep_section, sweeps)
    if runs:
        groups = group_by_recipe(runs)
        sections += [
            results_section(runs, groups),
            *filter(None, [seeds_section(groups)]),
            curves_section(groups),
        ]
    if results:
        sections.append(measured_section(results))
    if runs:
        sections += [*differences_section(runs), _config_section(runs), _environment_section(runs)]
    write_text(out_path, page(f"{title} · gluonlab", sections))


def _config_section(runs: NamedRuns) -> str:
    configs = {name: flatten(record.config) for name, record in runs.items()}
    marked = frozenset(differing_keys(list(configs.values())))
    parts = ["<h2>Configuration</h2>"]
    if marked:
        parts.append('<p class="soft">Marked: what is not the same in all runs.</p>')
    for name, config in configs.items():
        table = pairs_table([(key, [value]) for key, value in config.items()], marked=marked)
        parts.append(f'<details class="card"><summary>{escape(name)}</summary>\n{table}\n</details>')
    return "\n".join(parts)


def _environment_section(runs: NamedRuns) -> str:
    environments = [_environment(record) for record in runs.values()]
    keys = dict.fromkeys(key for environment in environments for key in environment)
    rows = [(key, [environment.get(key, "–") for environment in environments]) for key in keys]
    header = ["", *runs] if len(runs) > 1 else []
    table = pairs_table(rows, header, frozenset(differing_keys(environments)))
    return f'<h2>Environment</h2>\n<div class="card">{table}</div>'


def _environment(record: RunRecord) -> dict[str, str]:
    document = record.document
    command = document.get("command")
    if isinstance(command, list):
        command = shlex.join(map(str, command))
    known = {
        "directory": str(record.path),
        "command": command,
        "host": document.get("host"),
        "started": document.get("started"),
        "git commit": document.get("git_commit"),
    }
    named = {key: str(value) for key, value in known.items() if value is not None}
    return {**named, **flatten(document.get("versions", {}), "version")}
