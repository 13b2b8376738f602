"""Every command in the documentation is one that exists, with options that it has."""

import re
import shlex

import pytest
import typer.main

from gluonlab.cli.main import app

GLUONLAB = typer.main.get_command(app)
PAGES = ("README.md", "docs/*.md", "gluonlab/cli/starter.md")


def commands_in(page):
    """Lines in blocks of code that begin with ``gluonlab``, without comments, continued lines joined."""
    for block in re.findall(r"^```\w*\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE):
        for line in re.findall(r"^gluonlab (.*)$", block.replace("\\\n", " "), flags=re.MULTILINE):
            yield shlex.split(line, comments=True)


def verbs_of(command):
    """The verbs of a group by name; none of a verb."""
    if not hasattr(command, "list_commands"):
        return {}
    return {name: command.get_command(None, name) for name in command.list_commands(None)}


def found(words):
    """The command that ``words`` begin with, and the words after its name."""
    command, rest = GLUONLAB, list(words)
    while verbs_of(command):
        name = rest.pop(0)
        assert name in verbs_of(command), f"gluonlab {' '.join(words)}: there is no {name}"
        command = verbs_of(command)[name]
    return command, rest


def files(root):
    return sorted(path for pattern in PAGES for path in root.glob(pattern))


def test_options_of_commands_in_the_documentation_exist(root):
    number = 0
    for path in files(root):
        for words in commands_in(path.read_text()):
            command, rest = found(words)
            known = {"--help"}.union(*(each.opts + each.secondary_opts for each in command.params))
            unknown = [
                word for word in rest if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known
            ]
            assert not unknown, f"{path}: gluonlab {' '.join(words)}"
            number += 1
    assert number > 40


@pytest.mark.parametrize("text", ["```sh\ngluonlab bench speed x\n```", "```\ngluonlab brain # it\n```"])
def test_a_verb_that_is_not_there_is_seen(text):
    (words,) = commands_in(text)
    with pytest.raises(AssertionError, match="there is no"):
        found(words)


def groups_in(command, name="gluonlab"):
    verbs = verbs_of(command)
    if verbs:
        yield name, command, verbs
        for each, verb in verbs.items():
            yield from groups_in(verb, f"{name} {each}")


def test_what_the_help_lists_is_what_each_verb_says_of_itself():
    number = 0
    for name, group, verbs in groups_in(GLUONLAB):
        listed = getattr(group, "VERBS", None)
        for verb, command in verbs.items():
            said = command.get_short_help_str(limit=200)
            assert listed is None or listed[verb] == said.rstrip(".") + ".", f"{name} {verb}"
            number += 1
    assert number > 35
