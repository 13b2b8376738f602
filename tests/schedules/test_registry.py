"""A new schedule, average of the weights or loss is a section with its keys, and one line."""

import json
import subprocess
import sys

MINE = '''
"""A schedule that falls like the square root of the steps, an average, and a loss."""
from typing import Literal
from pydantic import Field
from gluonlab.losses.sections import LossSection
from gluonlab.optim.sections.averaging import AveragingSection
from gluonlab.schedules.sections import ScheduleSection

class RootSection(ScheduleSection):
    """The inverse square root of the step (Vaswani et al. 2017)."""
    name: Literal["root"] = "root"
    half_life: int = Field(ge=1, description="Steps until the rate is half.")
    def build(self, peak, calendar, epochs):
        return lambda step: peak * (1 + 3 * step / self.half_life) ** -0.5
    def turns(self, calendar, epochs):
        return {self.half_life}

class WidthSection(AveragingSection):
    """The mean of the last updates."""
    name: Literal["window"] = "window"
    updates: int = Field(100, ge=1, description="How many of them.")
    def build(self, net):
        return ("window", self.updates)

class FocalSection(LossSection):
    """Cross entropy with less weight on easy samples (Lin et al. 2017)."""
    name: Literal["focal"] = "focal"
    gamma: float = Field(2.0, ge=0, description="Exponent of that weight.")
    def build(self, classes, smoothing):
        return ("focal", self.gamma)
'''
PROGRAM = """
import json, sys
from pathlib import Path
import gluonlab.losses, gluonlab.optim, gluonlab.schedules
gluonlab.schedules.SCHEDULES["root"] = "mine.RootSection"
gluonlab.optim.AVERAGES["window"] = "mine.WidthSection"
gluonlab.losses.LOSSES["focal"] = "mine.FocalSection"
from gluonlab.build.plan import format_plan, make_plan
from gluonlab.config.load import load_config
from gluonlab.config.reference import render_reference
from gluonlab.errors import ConfigError

recipe = Path("configs/digits.yaml")
schedule = ["schedule.name=root", "schedule.half_life=7", "schedule.warmup_epochs=0"]
config = load_config(recipe, [*schedule, "averaging.name=window", "loss.name=focal", "loss.gamma=1.5"])
plan = make_plan(config, 1)
refused = []
for overrides in ("schedule.half_life=7", "averaging.updates=7", "loss.gamma=1", "schedule.name=root"):
    try:
        load_config(recipe, [overrides])
    except ConfigError as error:
        refused += str(error).splitlines()
print(json.dumps({
    "rates": [point["learning_rate"] / plan["peak_lr"] for point in plan["learning_rate"][:2]],
    "steps": [point["step"] for point in plan["learning_rate"][:2]],
    "average": config.averaging.build(None),
    "loss": config.loss.build(10, 0.0),
    "reference": [line.split("|")[1:3] for line in render_reference().splitlines()
                  if any(key in line for key in ("half_life", ".updates", ".gamma"))],
    "refused": refused,
}))
from gluonlab.cli.main import main
sys.argv[1:] = ["schedule", "configs/digits.yaml", *schedule]
main()
"""


def test_a_section_and_a_line_are_found_in_recipe_dry_run_curve_reference_and_hints(root, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    job = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = ['.', {str(tmp_path)!r}]\n{PROGRAM}"],
        capture_output=True,
        text=True,
        cwd=root,
    )
    assert job.returncode == 0, job.stderr
    answer, *curve = job.stdout.splitlines()
    found = json.loads(answer)
    assert (found["steps"], found["rates"]) == ([0, 7], [1.0, 0.5])
    assert (found["average"], found["loss"]) == (["window", 100], ["focal", 1.5])
    assert sorted(row[0].strip(" `") for row in found["reference"]) == [
        "averaging.updates",
        "loss.gamma",
        "schedule.half_life",
    ]
    rest = "is not used by 'cosine'; leave it out, or set name to root"
    assert any(rest in line for line in found["refused"])
    assert any("averaging.updates: is not used by 'none'" in line for line in found["refused"])
    assert any("loss.gamma: is not used by 'cross_entropy'" in line for line in found["refused"])
    assert any(
        "schedule.half_life: is required; steps until the rate is half" in line for line in found["refused"]
    )
    assert any(line.split()[:1] == ["7"] for line in curve)
