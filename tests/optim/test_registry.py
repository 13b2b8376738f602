"""A new optimizer is a file for the rule, a section with its keys, and one line."""

import json
import subprocess
import sys

LION = '''
"""Lion (Chen et al. 2023), short."""
from typing import Literal
from pydantic import Field
from gluonlab.optim.momentum import MomentumOptimizer
from gluonlab.optim.sections.base import OptimizerSection

class Lion(MomentumOptimizer):
    pass

class LionSection(OptimizerSection):
    """The sign of an interpolated momentum (Chen et al. 2023)."""
    name: Literal["lion"] = "lion"
    interpolation: float = Field(0.9, gt=0, lt=1, description="Weight of the momentum in the step.")
    def build(self, learning_rate, net):
        return Lion(learning_rate, self.interpolation, self.weight_decay)
'''
PROGRAM = """
import json
from gluonlab.optim import OPTIMIZERS
OPTIMIZERS["lion"] = "lion.LionSection"
from gluonlab.build.network import build_network
from gluonlab.build.plan import make_plan
from gluonlab.cli.bench.optimizer import ALL
from gluonlab.config.load import load_config
from gluonlab.config.reference import render_reference
from gluonlab.errors import ConfigError
from pathlib import Path

recipe = Path("configs/digits.yaml")
config = load_config(recipe, ["optimizer.name=lion", "optimizer.interpolation=0.8"])
rule = config.optimizer.build(config.schedule.base_lr, build_network(config))
try:
    load_config(recipe, ["optimizer.name=adamw", "optimizer.interpolation=0.8"])
    refused = ""
except ConfigError as error:
    refused = str(error)
print(json.dumps({
    "rule": type(rule).__name__,
    "momentum": rule.momentum,
    "plan": make_plan(config, 1)["steps"] > 0,
    "bench": ALL.split(",")[-1],
    "reference": "interpolation" in render_reference() and "`lion`" in render_reference(),
    "refused": refused,
}))
"""


def test_a_file_and_a_line_are_found_in_recipe_plan_reference_bench_and_hints(root, tmp_path):
    (tmp_path / "lion.py").write_text(LION)
    job = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = ['.', {str(tmp_path)!r}]\n{PROGRAM}"],
        capture_output=True,
        text=True,
        cwd=root,
    )
    assert job.returncode == 0, job.stderr
    found = json.loads(job.stdout)
    refused = found.pop("refused")
    assert found == {"rule": "Lion", "momentum": 0.8, "plan": True, "bench": "lion", "reference": True}
    assert "interpolation: is not used by 'adamw'; leave it out, or set name to lion" in refused
