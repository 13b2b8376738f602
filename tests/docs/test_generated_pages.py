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


def test_the_readme_table_is_made_from_the_result_files(root):
    from benchmarks.tables import README_TABLE, render_results

    text = (root / "README.md").read_text()
    assert README_TABLE.search(text).group(1).strip() == render_results(root / "benchmarks/results").strip()


def test_commands_of_the_readme_name_recipes_and_verbs_that_exist(root, run_gluonlab):
    blocks = re.findall(r"```sh\n(.*?)```", (root / "README.md").read_text(), flags=re.DOTALL)
    commands = re.findall(r"^gluonlab (\w+)(.*)$", "\n".join(blocks), flags=re.MULTILINE)
    assert len(commands) >= 6
    verbs = run_gluonlab("--help").stdout
    for verb, arguments in commands:
        assert re.search(rf"^  {verb} ", verbs, flags=re.MULTILINE), verb
        for recipe in re.findall(r"configs/\S+\.yaml", arguments):
            assert (root / recipe).exists(), recipe
