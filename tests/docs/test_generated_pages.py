"""Pages and tables that are generated are what their generator makes today."""

import re

from gluonlab.config.reference import render_reference


def test_the_configuration_reference_is_up_to_date(root):
    assert (root / "docs/configuration.md").read_text() == render_reference()


def test_every_key_of_the_schema_is_described():
    rows = [line for line in render_reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    for row in rows:
        assert len(row.split("|")[-2].strip()) > 10, row


def test_the_readme_tables_are_made_from_the_result_files(root):
    from benchmarks.tables import SECTIONS, fill_in

    text = (root / "README.md").read_text()
    for name in SECTIONS:
        assert f"<!-- {name} -->" in text
    assert fill_in(text, root / "benchmarks/results") == text


def test_the_tables_of_the_techniques_are_made_from_the_result_files(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from tables import fill_in
    from technique_tables import TECHNIQUE_SECTIONS

    text = (root / "docs/techniques.md").read_text()
    for name in TECHNIQUE_SECTIONS:
        assert f"<!-- {name} -->" in text
    assert fill_in(text, root / "benchmarks/results", TECHNIQUE_SECTIONS) == text


def test_the_tables_of_the_data_page_are_made_from_the_result_files(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from data_tables import DATA_SECTIONS
    from tables import fill_in

    text = (root / "docs/data.md").read_text()
    for name in DATA_SECTIONS:
        assert f"<!-- {name} -->" in text
    assert fill_in(text, root / "benchmarks/results", DATA_SECTIONS) == text


def test_the_table_of_peers_is_made_from_the_result_file(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from peers_table import PEERS_SECTIONS
    from tables import fill_in

    text = (root / "docs/benchmarks.md").read_text()
    assert "<!-- versus peers -->" in text
    assert fill_in(text, root / "benchmarks/results", PEERS_SECTIONS) == text


def test_the_tables_and_pictures_of_the_benchmarks_are_made_from_the_result_files(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from bench_results import COMMANDS
    from bench_tables import BENCH, PAGE, SECTIONS, pictures
    from tables import fill_in

    text = PAGE.read_text()
    for name in SECTIONS:
        assert f"<!-- {name} -->" in text
    assert fill_in(text, root / BENCH, SECTIONS) == text
    for name, drawn in pictures(root / BENCH).items():
        assert (root / name).read_text() == drawn, name
        assert f"]({name.replace('docs/', '')})" in text
    for path in (root / BENCH).glob("*.json"):
        assert path.stem in COMMANDS, f"{path} is made by no command"
        assert f"[{path.name}](../{BENCH}/{path.name})" in text


def test_the_pictures_are_made_from_the_result_files(root):
    from benchmarks.tables import PICTURES

    for name, draw in PICTURES.items():
        assert (root / name).read_text() == draw(root / "benchmarks/results"), name


def test_the_page_of_models_is_made_from_the_registry_and_the_result_file(root):
    from benchmarks.model_table import PAGE, PUBLISHED, RESULT, render

    assert PAGE.read_text() == render(RESULT, PUBLISHED)


def test_the_tables_of_weights_and_engines_are_made_from_the_result_files(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from tables import fill_in
    from weight_tables import SECTIONS

    text = (root / "docs/weights.md").read_text()
    for name in SECTIONS:
        assert f"<!-- {name} -->" in text
    assert fill_in(text, root / "benchmarks/results", SECTIONS) == text


def test_the_page_on_reliability_is_made_from_the_result_files(root):
    from benchmarks.fault_table import fill_in

    text = (root / "docs/reliability.md").read_text()
    assert fill_in(text, root / "benchmarks/results") == text


def test_the_table_of_installations_is_made_from_the_result_file(root):
    from benchmarks.installation import PAGE, fill_in

    assert fill_in(PAGE.read_text()) == PAGE.read_text()


def test_every_promise_has_a_fault_that_was_tried(root):
    from benchmarks.fault_table import read_rows

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
        for recipe in re.findall(r"configs/\S+\.yaml", arguments):
            assert (root / recipe).exists(), recipe
