"""The documentation site: docs/*.md as they are, and the API from docstrings; scripts/docs.sh builds it."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import gluonlab

HERE = Path(__file__).parent

project = "gluonlab"
copyright = "the maintainers of gluonlab"
release = version = gluonlab.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["README.md", "_build"]  # the first becomes the index
root_doc = "index"
html_theme = "furo"
html_title = f"gluonlab {release}"
html_show_sphinx = False
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"


def public_names() -> dict[str, list[str]]:
    """The public names of gluonlab by the module that defines them."""
    modules: dict[str, list[str]] = {}
    for name, module in sorted(gluonlab._PUBLIC.items()):
        modules.setdefault(module, []).append(name)
    return dict(sorted(modules.items()))


def api_page() -> str:
    """A section for each module, an entry for each public name."""
    parts = []
    for module, names in public_names().items():
        parts.append(f"## {module}\n\n```{{eval-rst}}")
        for name in names:
            kind = "class" if inspect.isclass(getattr(gluonlab, name)) else "function"
            parts.append(f".. auto{kind}:: {module}.{name}" + "\n   :members:" * (kind == "class"))
        parts.append("```\n")
    parts.append(
        "## gluonlab.schedules\n\n```{eval-rst}\n.. automodule:: gluonlab.schedules\n   :members:\n```\n"
    )
    return "\n".join(parts)


def within(text: str) -> str:
    """Links to folders and pages outside docs/, which the site does not hold, become their text."""

    def shown(link: re.Match[str]) -> str:
        target = HERE / link[2]
        return link[1] if target.is_dir() or target.suffix == ".md" else link[0]

    return re.sub(r"\[([^\]]+)\]\((\.\./[^)#]+)\)", shown, text)


def contents(index: str) -> str:
    """The pages in the order in which docs/README.md names them, as the menu of the site."""
    pages = dict.fromkeys(re.findall(r"\]\((\w+)\.md\)", index))
    return "\n```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```\n"


def with_anchors(text: str) -> str:
    """The table of errors, where each row can be linked: ``errors.html#cfg24``."""
    row = re.compile(r"^\| `([A-Z]{2,3}\d\d)` \|", flags=re.MULTILINE)
    return row.sub(lambda code: f"| `{code[1]}`{{#{code[1].lower()}}} |", text)


def executed(notebook: Path) -> str:
    """The cells of a notebook and what they showed, as Markdown."""
    parts = []
    for cell in json.loads(notebook.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(re.sub("^#", "##", source))  # below the heading of the page
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            shown = output.get("data", {"text/plain": output.get("text", "")})
            form, fence = ("text/html", "{raw} html") if "text/html" in shown else ("text/plain", "text")
            parts.append(f"```{fence}\n{''.join(shown[form])}\n```")
    return "\n\n".join(["", *parts, ""])


def complete(_app: Any, page: str, source: list[str]) -> None:
    """Add to a page what only the site has."""
    text = source[0]
    if page == "index":
        text = (HERE / "README.md").read_text().replace("../CONTRIBUTING.md", "contributing.md")
        text += contents(text)
    elif page == "contributing":
        text = (HERE.parent / "CONTRIBUTING.md").read_text()
        text = re.sub(r"\]\((?!http)", "](../", text).replace("](../docs/", "](")
    elif page == "api":
        text += api_page()
    elif page == "notebooks":
        text += executed(HERE / "examples/notebook.ipynb")
    elif page == "errors":
        text = with_anchors(text)
    source[0] = within(text)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", complete)
