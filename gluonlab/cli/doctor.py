"""``gluonlab doctor``: what works on this machine, what does not, and what to type."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Optional

import typer

from gluonlab.cli.output import JSON_OPTION, check_json_target, write_json
from gluonlab.doctor.building import build_horovod
from gluonlab.doctor.examination import examine
from gluonlab.doctor.finding import Finding, gravest
from gluonlab.errors import SetupError


def doctor(
    self_test: bool = typer.Option(True, help="Train one step, add up over two processes: about 10 s."),
    build: bool = typer.Option(
        False, "--build-horovod", help="Build Horovod first: 2 to 5 minutes, or cached."
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Check the installation and the machine. Exit code 8 if training would fail.

    Example: gluonlab doctor --json report.json
    """
    check_json_target(json_target)
    if build:
        build_horovod()
    findings = []
    for finding in examine(Path.cwd(), self_test=self_test):
        findings.append(finding)
        if json_target != "-":
            typer.echo(format_finding(finding))
    state = gravest(findings)
    write_json({"state": state, "findings": [asdict(finding) for finding in findings]}, json_target)
    if state == "fail":
        failed = [finding.name for finding in findings if finding.state == "fail"]
        raise SetupError("ENV20", "doctor", f"failed: {', '.join(failed)}", "mend the first one first")
    if json_target != "-":
        counts = Counter(finding.state for finding in findings)
        typer.echo(f"{counts['ok']} checks are well, {counts['warn']} with a warning")


def format_finding(finding: Finding) -> str:
    """A finding as text; the mend on a line of its own."""
    line = f"{finding.state:4}  {finding.name:18}  {finding.found}"
    return f"{line}\n{'':6}{'to mend it':18}  {finding.mend}" if finding.mend else line
