"""Pages and tables that are generated are what their generator makes today."""

import json
import re
from pathlib import Path

import matplotlib

from gluonlab.config.reference import render_reference
from gluonlab.shipped import find_recipe

SITE_ONLY = (
    "README.md",
    "index.md",
    "contributing.md",
)  # the index, and what stands for a page in docs/conf.py


def test_every_key_of_the_schema_is_described():
    rows = [line for line in render_reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    for row in rows:
        assert len(row.split("|")[-2].strip()) > 10, row


def test_every_generated_page_is_what_its_generator_writes_today(root):
    from benchmarks.pages import pages

    written = pages()
    assert len(written) > 12
    for name, text in written.items():
        assert (root / name).read_text() == text, name


def test_every_page_is_in_the_index_and_every_link_leads_somewhere(root):
    index = (root / "docs/README.md").read_text()
    for path in (root / "docs").glob("*.md"):
        assert path.name in SITE_ONLY or f"]({path.name})" in index, path.name
    for path in [*root.glob("*.md"), *root.glob("benchmarks/*.md"), *root.glob("docs/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert link.startswith("http") or (path.parent / link).exists(), f"{path.name}: {link}"


def assert_same_picture(root, name, drawn):
    """Byte for byte by the Matplotlib that made the pictures; another one places things otherwise."""
    pictures = [(root / name).read_text(), drawn]
    drew_them = f'matplotlib=={matplotlib.__version__}; python_version < "3.13"\n'
    if drew_them not in (root / "scripts/constraints.txt").read_text():
        pictures = [re.findall("<text.*?>(.*?)</text>", picture) for picture in pictures]
    assert pictures[0] == pictures[1], name
    assert pictures[0]


def test_a_comparison_without_an_interval_has_its_row(root, tmp_path):
    from benchmarks.comparisons_page import render_others
    from benchmarks.speed.peers_table import render_peers

    results = root / "benchmarks/results"
    row = next(iter(json.loads((results / "versus_peers.json").read_text())["rows"].values()))
    row.update(what="memory of one / of the other", interval_95=None)
    (tmp_path / "versus_peers.json").write_text(json.dumps({"rows": {"memory": row}}))
    (tmp_path / "data_loading.json").write_text((results / "data_loading.json").read_text())
    for render in (render_others, render_peers):
        assert "memory of one / of the other" in render(tmp_path)


def test_a_cost_that_may_be_none_is_told_as_what_it_is_below():
    from benchmarks.reliability.fault_table import _cost
    from benchmarks.tables import ratio_cells

    row = {"ratio": 0.98, "interval_95": [0.95, 1.02], "at_most": True}
    assert ratio_cells(row, 2) == ("not measurable (below 2.0% more)", "0.95 to 1.02")
    assert ratio_cells({**row, "at_most": False}, 2) == ("0.98", "0.95 to 1.02")
    assert ratio_cells({**row, "interval_95": [1.01, 1.04], "ratio": 1.03}, 2) == ("1.03", "1.01 to 1.04")
    assert "not measurable: below 0.30 s,\nat one a minute below **0.5 %**" in _cost(
        [-0.3, 0.2, 0.0, 0.1, 0.3, -0.1]
    )
    assert "0.45 s (0.30 to 0.60, " in _cost([0.3, 0.4, 0.4, 0.5, 0.5, 0.6])
    assert "**0.8 %** of the time (0.5 to 1.0)" in _cost([0.3, 0.4, 0.4, 0.5, 0.5, 0.6])
    assert "too few for an interval" in _cost([0.3, 0.4])


def test_the_tables_and_pictures_of_the_benchmarks_are_made_from_the_result_files(root):
    from benchmarks.speed.bench_results import COMMANDS
    from benchmarks.speed.bench_tables import BENCH, PAGE, SECTIONS, pictures
    from benchmarks.tables import fill_in

    text = PAGE.read_text()
    for name in SECTIONS:
        assert f"<!-- {name} -->" in text
    assert fill_in(text, root / BENCH, SECTIONS) == text
    for name, drawn in pictures(root / BENCH).items():
        assert_same_picture(root, name, drawn)
        assert f"]({name.replace('docs/', '')})" in text
    for path in (root / BENCH).glob("*.json"):
        assert path.stem in COMMANDS, f"{path} is made by no command"
        assert f"[{path.name}](../{BENCH}/{path.name})" in text


def test_the_pictures_are_made_from_the_result_files(root):
    from benchmarks.pages import PICTURES

    for name, draw in PICTURES.items():
        assert_same_picture(root, name, draw(root / "benchmarks/results"))


def test_every_promise_has_a_fault_that_was_tried(root):
    from benchmarks.reliability.fault_table import read_rows

    rows = [row for rows in read_rows(root / "benchmarks/results").values() for row in rows]
    assert {row["promise"] for row in rows} >= {f"R{number}" for number in range(1, 17)}
    assert len(rows) >= 60


def test_commands_of_the_readme_name_recipes_and_verbs_that_exist(root, run_gluonlab):
    blocks = re.findall(r"```sh\n(.*?)```", (root / "README.md").read_text(), flags=re.DOTALL)
    commands = re.findall(r"^gluonlab (\w+)(.*)$", "\n".join(blocks), flags=re.MULTILINE)
    assert len(commands) >= 6
    verbs = run_gluonlab("--help").stdout
    for verb, arguments in commands:
        assert re.search(rf"^  {verb} ", verbs, flags=re.MULTILINE), verb
        for recipe in re.findall(r"recipe:\S+", arguments):
            assert find_recipe(Path(recipe)).is_file()


def test_every_code_of_an_error_has_a_row(root):
    page = (root / "docs/errors.md").read_text()
    rows = re.findall(r"^\| `([A-Z]{2,3}\d\d)` \| [\w +]+ \| \S.*\|$", page, flags=re.MULTILINE)
    assert len(rows) == len(set(rows)) > 120
    sources = [*(root / "gluonlab").rglob("*.py"), *(root / "scripts").glob("*.sh")]
    used = {
        code for path in sources for code in re.findall(r"[\"\[ (]([A-Z]{2,3}\d\d)[\" ,]", path.read_text())
    }
    assert {code for code in used if code[:-2] in {row[:-2] for row in rows}} <= set(rows)
