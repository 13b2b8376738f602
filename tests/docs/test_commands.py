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


def found(words):
    """The command that ``words`` begin with, and the words after its name."""
    command, rest = GLUONLAB, list(words)
    while hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, f"gluonlab {' '.join(words)}: there is no {name}"
        command = command.commands[name]
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
