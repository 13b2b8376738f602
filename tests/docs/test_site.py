"""The documentation site: anchors exist, public names and error codes are on it, and it builds."""

import importlib.util
import re
import subprocess
import sys

import pytest

import gluonlab

EXTRA = ("sphinx", "myst_parser", "furo")


def slugs(page):
    """The anchors that GitHub and the site give to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_anchors(path):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", path.read_text()):
        if not target.startswith("http"):
            page = path.parent / target if target else path
            codes = re.findall(r"^\| `([A-Z]{2,3}\d\d)` \|", page.read_text(), flags=re.MULTILINE)
            if anchor not in slugs(page.read_text()) | {code.lower() for code in codes}:
                yield f"{path.name}: {target}#{anchor}"


def test_every_anchor_exists(root):
    pages = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("benchmarks/*.md")]
    assert [broken for path in pages for broken in broken_anchors(path)] == []


def test_an_anchor_that_does_not_exist_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A first one\n\n| `CFG01` | 2 | x |\n\n[a](#a-first-one) [b](page.md#cfg01) [c](#another)\n"
    )
    assert list(broken_anchors(page)) == ["page.md: #another"]


@pytest.fixture
def conf(root):
    spec = importlib.util.spec_from_file_location("conf", root / "docs/conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_menu_names_every_page(conf, root):
    index = [""]
    conf.complete(None, "index", index)
    menu = index[0].split("```{toctree}")[1]
    pages = {path.stem for path in (root / "docs").glob("*.md")} - {"README", "index"}
    assert pages == set(re.findall(r"^(\w+)$", menu, flags=re.MULTILINE))


def test_every_public_name_is_in_the_api(conf):
    source = [""]
    conf.complete(None, "api", source)
    entries = re.findall(r"^\.\. auto(?:class|function):: \S+\.(\w+)$", source[0], flags=re.MULTILINE)
    assert sorted(entries) == sorted(set(gluonlab.__all__) - {"__version__", "models", "schedules"})


def test_each_error_code_has_an_anchor_on_the_site(conf):
    assert conf.with_anchors("| `CFG04` | 2 | unknown key |") == "| `CFG04`{#cfg04} | 2 | unknown key |"


@pytest.mark.skipif(not all(map(importlib.util.find_spec, EXTRA)), reason="without the extra docs")
def test_the_site_builds_without_a_warning(root, tmp_path):
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "-q",
        "-d",
        tmp_path / "trees",
        root / "docs",
        tmp_path / "html",
    ]
    job = subprocess.run(command, capture_output=True, text=True)
    assert job.returncode == 0, job.stderr
    assert 'id="cfg24"' in (tmp_path / "html/errors.html").read_text()
    assert 'id="gluonlab.optim.lars.LARS"' in (tmp_path / "html/api.html").read_text()
