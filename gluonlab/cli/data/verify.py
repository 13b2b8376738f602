"""``gluonlab data verify``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.cli.data.sources import as_files, progress_bar
from gluonlab.cli.output import (
    JSON_OPTION,
    MAX_BYTES,
    MAX_PIXELS,
    check_json_target,
    print_warnings,
    write_json,
)
from gluonlab.data.duplicates import Part, part_of, tell_repeats
from gluonlab.data.image_limits import ImageLimits
from gluonlab.data.packing import usable_cores
from gluonlab.data.verification.verify import Kind, remember
from gluonlab.data.verification.verify import verify as verify_records
from gluonlab.data.verified_source import open_one
from gluonlab.errors import DataError, Problem


def verify(
    paths: list[str] = typer.Argument(
        ..., help="Record files, shards, or folders with one folder for each class."
    ),
    classes: Optional[int] = typer.Option(None, min=1, help="Labels must be 0 to classes - 1."),
    processes: Optional[int] = typer.Option(
        None, min=1, max=256, help="Decoding processes.  [default: all cores]"
    ),
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    json_file: Optional[str] = JSON_OPTION,
) -> None:
    """Decode every record and name every bad one. Child processes decode; an index with checksums is written.

    Ends with exit code 3 if there is one. Training then reads what passed without looking again.

    Example: gluonlab data verify data/mine/train.rec data/mine/val.rec --classes 1000
    """
    check_json_target(json_file)
    limits = ImageLimits(max_pixels, max_bytes)
    rows: list[dict[str, Any]] = []
    parts: list[Part] = []
    warnings: list[str] = []
    problems: list[Problem] = []
    for kind, path in (found for given in paths for found in as_files(given) or [_plain(given)]):
        with progress_bar(path.name) as progress:
            index = verify_records(
                kind, path, processes=processes or usable_cores(), progress=progress, limits=limits
            )
        place = remember(index, path)
        source = open_one(kind, path, index, limits)
        warnings += source.warnings
        parts += part_of(source, str(path))
        bad = dict(index.bad)
        for number in _outside(index.records.labels, classes):
            what = f"label {index.records.labels[number]} outside 0..{(classes or 0) - 1}"
            bad.setdefault(number, Problem("DAT12", f"{path.name}: record {number}", what))
        rows.append(
            {
                "path": str(path),
                "records": len(index.records),
                "bad": [{"record": number, **asdict(problem)} for number, problem in sorted(bad.items())],
                "sha256": index.sha256,
                "index": str(place),
            }
        )
        problems += [problem for _, problem in sorted(bad.items())]
    print_warnings([*warnings, *tell_repeats(parts)])
    if not write_json(rows, json_file):
        for row in rows:
            typer.echo(f"{row['path']}: {row['records']} records, {len(row['bad'])} bad -> {row['index']}")
    if problems:
        raise DataError.from_problems(problems)


def _plain(given: str) -> tuple[Kind, Path]:
    return "folder" if Path(given).is_dir() else "record", Path(given)


def _outside(labels: Any, classes: Optional[int]) -> list[int]:
    is_outside = (labels < 0) | (labels >= classes) if classes else labels < 0
    return is_outside.nonzero()[0].tolist()  # type: ignore[no-any-return]
