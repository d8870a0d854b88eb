"""A page of headings, texts, tables and pictures: once as Markdown, once as HTML in one file."""

import base64
import html as markup
from dataclasses import dataclass
from pathlib import Path

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2433; background: #fff }
h1, h2, h3 { line-height: 1.2; margin: 2.2rem 0 .6rem }
h2 { border-bottom: 1px solid #d5dae3; padding-bottom: .3rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0 1.4rem }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e4e8ef; text-align: right;
  white-space: nowrap }
th.words, td.words { text-align: left }
thead th { border-bottom: 2px solid #9aa5b8 }
img { max-width: 100%; height: auto }
"""


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Table:
    """Cells are text as it is shown: the first column and the last `words` ones to the left."""

    head: list[str]
    rows: list[list[str]]
    words: int = 0

    def left(self, column: int) -> bool:
        return column == 0 or column >= len(self.head) - self.words


@dataclass(frozen=True)
class Picture:
    """A PNG of this name in the report's folder."""

    file: str
    text: str


def markdown(blocks: list) -> str:
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Text():
            return block.text
        case Picture():
            return f"![{block.text}]({block.file})"
    rule = ["---" if block.left(column) else "---:" for column in range(len(block.head))]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (block.head, *block.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:]))


def html(blocks: list, folder: Path) -> str:
    """One file with its pictures in it, which are read from `folder`; it needs no network."""
    title = next(block.text for block in blocks if isinstance(block, Heading))
    body = "\n".join(_html(block, folder) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{markup.escape(title)}'
        f"</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(block, folder: Path) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{markup.escape(block.text)}</h{block.level}>"
        case Text():
            return f"<p>{markup.escape(block.text)}</p>"
        case Picture():
            data = base64.b64encode((folder / block.file).read_bytes()).decode()
            text = markup.escape(block.text)
            return f'<p><img alt="{text}" src="data:image/png;base64,{data}"></p>'
    rows = "\n".join(_row(block, row, "td") for row in block.rows)
    return (
        f'<div class="wide"><table>\n<thead>{_row(block, block.head, "th")}</thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _row(table: Table, cells: list[str], tag: str) -> str:
    words = ("", ' class="words"')
    return "<tr>{}</tr>".format(
        "".join(
            f"<{tag}{words[table.left(column)]}>{markup.escape(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )
    )
