"""Executes the notebook of docs/examples in an empty folder, and writes it with what its cells show.

python docs/run_notebook.py [-o FILE]     (the extra `notebook`; about a minute)
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().with_name("examples") / "notebook.ipynb"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, default=NOTEBOOK)
    output = parser.parse_args().output
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=600, resources=where, record_timing=False, coalesce_streams=True
        )
        client.execute()
    notebook.metadata.pop("language_info", None)  # names the Python that happened to run it
    text: str = nbformat.writes(notebook)
    output.write_text(text.replace(json.dumps(folder)[1:-1] + "/", "") + "\n")


if __name__ == "__main__":
    main()
