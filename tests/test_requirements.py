"""Whatever the package imports is declared in pyproject.toml, and not brought by something else."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DISTRIBUTIONS = {
    "yaml": "PyYAML",
    "cv2": "opencv-python-headless",
    "pydantic_core": "pydantic",
    "PIL": "pillow",
    "IPython": "ipykernel",
}
# Built by scripts/install.sh against the MXNet of the environment, or asked for where it is needed.
NOT_DECLARED = {"horovod", "gluoncv", "torch"}


def imported_packages():
    for path in (ROOT / "gluonlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="this Python has no list of its own modules")
def test_what_is_imported_is_declared():
    others = {name for name in imported_packages() if name not in sys.stdlib_module_names} - {"gluonlab"}
    declared = set(re.findall(r"""["']([\w-]+)[\[<>=!;"']""", (ROOT / "pyproject.toml").read_text()))
    assert {name for name in others if DISTRIBUTIONS.get(name, name) not in declared} <= NOT_DECLARED
