"""The frame of an HTML page that needs nothing else: style sheet, escaped tables, inline SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #1c2026; --soft: #5b6470;
  --line: #dde1e7; --mark: #fff3c9; --code: #eef0f4; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2127; --text: #e6e8eb;
  --soft: #9aa3ad; --line: #343a43; --mark: #4a3f14; --code: #272c34; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 12px; }
h3 { font-size: 15px; margin: 24px 0 8px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; }
.soft { color: var(--soft); }
.note { margin-top: 8px; font-size: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 8px 12px; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.numbers th, .numbers td { white-space: nowrap; padding: 8px 10px; }
.numbers td, .numbers thead th + th { text-align: right; }
.pairs tbody th { font-weight: 400; color: var(--soft); width: 300px; overflow-wrap: anywhere; }
tr.differs td { background: var(--mark); }
code, .pairs td { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13px; }
.chip { display: inline-block; width: 30px; height: 12px; margin-right: 8px;
  padding: 1px 4px; background: #ffffff; border-radius: 3px; }
.tag { font-size: 12px; font-weight: 400; color: var(--soft); margin-left: 6px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 16px; }
figure { margin: 0; padding: 10px; background: #ffffff; border: 1px solid var(--line); border-radius: 10px; }
figure svg { display: block; width: 100%; height: auto; stroke-linejoin: round; }
details { margin-bottom: 12px; }
summary { cursor: pointer; padding: 10px 14px; font-weight: 600; }
details .pairs tr:first-child > * { border-top: 1px solid var(--line); }
@media (max-width: 520px) { .figures { grid-template-columns: 1fr; } .pairs tbody th { width: 40%; } }
@media print { body { background: none; } main { max-width: none; padding: 0; }
  figure, tr { break-inside: avoid; } }
"""


def page(title: str, sections: Sequence[str]) -> str:
    """A whole HTML document; ``title`` is text, ``sections`` are HTML."""
    body = "\n".join(sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def numbers_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of figures; ``header`` is text, cells are HTML and the first of a row names it."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in header)
    body = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    table = f'<table class="numbers">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'
    return f'<div class="card">{table}</div>'


def pairs_table(
    rows: Sequence[tuple[str, Sequence[str]]],
    header: Sequence[str] = (),
    marked: frozenset[str] = frozenset(),
) -> str:
    """A table of names and their values, one column per value, all text; rows in ``marked`` stand out."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in header)
    lines = [f"<thead><tr>{head}</tr></thead>"] if head else []
    lines.append("<tbody>")
    for name, values in rows:
        cells = "".join(f"<td>{escape(value)}</td>" for value in values)
        attribute = ' class="differs"' if name in marked else ""
        lines.append(f'<tr{attribute}><th scope="row">{escape(name)}</th>{cells}</tr>')
    return '<table class="pairs">\n' + "\n".join(lines) + "\n</tbody>\n</table>"


def figure(svg: str, label: str) -> str:
    """A standalone SVG document as an inline figure; ``label`` is read aloud in its place.

    Left out: names of namespaces, which HTML does not need and which look like links, group ids, which
    would repeat from figure to figure, and a style sheet, which would reach the rest of the page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    return f"<figure>{svg.strip()}</figure>"
