"""Who may import whom, how long a file may be, and what no file may call (docs/architecture.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gluonlab"

# A module may import its own layer and those after it.
LAYERS = [
    {"cli", "doctor"},
    {"build"},
    {"training", "bench", "simulate", "config", "launch"},
    {
        "arrays",
        "losses",
        "metrics",
        "task",
        "reporting",
        "sweep",
        "models",
        "data",
        "optim",
        "parallel",
        "supervision",
        "checkpoint",
        "weights",
        "inference",
        "torch_engine",
    },
    {
        "schedules",
        "checkout",
        "epochs",
        "intervals",
        "timing",
        "errors",
        "commands",
        "retry",
        "fault_injection",
        "foreign_errors",
        "runtime",
        "disk",
        "download",
        "section",
        "shipped",
    },
]
FILES = sorted(PACKAGE.rglob("*.py"))
PROJECT_FILES = FILES + sorted((PACKAGE.parent / "benchmarks").rglob("*.py"))


def part_of(path):
    """The top-level part a file belongs to, such as ``data`` or ``schedules``."""
    return path.relative_to(PACKAGE).parts[0].replace(".py", "")


def imports_of(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "gluonlab")


def layer_of(part):
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    part = part_of(path)
    if part == "__init__":
        return
    for module in imports_of(path):
        if not module.startswith("gluonlab.") or module == "gluonlab.__version__":
            continue
        imported = module.split(".")[1]
        assert layer_of(imported) >= layer_of(part), f"{part} must not import {module}"
        if imported == "config":
            assert part in ("config", "build", "cli"), f"{part} must not see the configuration"


def test_each_framework_is_imported_in_one_place():
    for path in FILES:
        name = str(path.relative_to(PACKAGE))
        for module in imports_of(path):
            if module.split(".")[0] == "horovod":
                assert name in ("parallel/horovod_world.py", "launch/gloo_start.py")
            if module.split(".")[0] == "mxnet":
                assert name == "runtime/mxnet.py"
            if module.split(".")[0] == "torch":
                assert (
                    name.startswith("torch_engine/")
                    or name.endswith("_in_torch.py")
                    or name == "arrays/in_torch.py"
                )


def modules_of(package):
    """The modules of ``package`` by their dotted names."""
    files = sorted(package.rglob("*.py"))
    dotted = {".".join(path.relative_to(package.parent).with_suffix("").parts): path for path in files}
    return {name.removesuffix(".__init__"): path for name, path in dotted.items()}


def imported_modules(path, modules):
    """Those of ``modules`` that a file imports anywhere, within functions and for types alone as well."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in inner]
        yield from (name for name in names if name in modules)


def circles(package):
    """The modules that import each other, however long the way round is."""
    modules = modules_of(package)
    left = {name: set(imported_modules(path, modules)) - {name} for name, path in modules.items()}
    while True:  # what imports nothing that is left, or is imported by nothing that is left, is in no circle
        imported = set().union(*left.values())
        kept = {name: needs & left.keys() for name, needs in left.items() if needs & left.keys()}
        kept = {name: needs for name, needs in kept.items() if name in imported}
        if kept == left:
            return sorted(left)
        left = kept


def test_no_modules_import_each_other_in_a_circle():
    assert circles(PACKAGE) == []


def test_a_circle_would_be_found(tmp_path):
    package = tmp_path / "ring"
    package.mkdir()
    for name, imported in {"a": "b", "b": "c", "c": "a", "d": "a"}.items():
        (package / f"{name}.py").write_text(f"def f():\n    from ring.{imported} import f\n")
    assert circles(package) == ["ring.a", "ring.b", "ring.c"]


def length_of(function, path):
    """Lines of a function; those of a verb, whose arguments are the table of its options, without them."""
    first = function.body[0] if "cli" in path.parts else function
    return function.end_lineno - first.lineno + 1


def test_files_and_functions_stay_short():
    for path in PROJECT_FILES:
        assert len(path.read_text().splitlines()) <= 300, f"{path} should become a folder"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert length_of(node, path) <= 50, f"{path}: {node.name} is too long"


def test_nothing_that_runs_code_from_data_is_called():
    forbidden = {"eval", "exec", "pickle", "cloudpickle", "marshal", "dill", "load_states", "extractall"}
    for path in PROJECT_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                {getattr(node, "id", None), getattr(node, "attr", None)}
                if isinstance(node, (ast.Name, ast.Attribute))
                else set()
            )
            assert not names & forbidden, f"{path}:{getattr(node, 'lineno', '?')} uses {names & forbidden}"


def test_importing_the_package_or_asking_for_help_loads_nothing_heavy():
    code = "import sys, gluonlab, gluonlab.cli.main; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"mxnet", "horovod", "numpy", "pydantic", "matplotlib", "tensorboardX", "cv2", "rich", "yaml"}
    assert not heavy & set(modules)
    assert not {"gluonlab.cli.train", "gluonlab.cli.data.fetch"} & set(modules)


def test_every_public_name_exists():
    import gluonlab

    for name in gluonlab.__all__:
        assert getattr(gluonlab, name) is not None
