"""A document of headings, texts, tables and pictures, written as Markdown or as one HTML file."""

import base64
import html as markup
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2433; background: #fff }
h1, h2, h3 { line-height: 1.2; margin: 2.2rem 0 .6rem }
h2 { border-bottom: 1px solid #d5dae3; padding-bottom: .3rem }
nav { columns: 16rem; margin: 1rem 0 }
nav a { display: block; color: #1b4079 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums;
  margin: .6rem 0 1.4rem }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #e4e8ef; text-align: right;
  white-space: nowrap; vertical-align: top }
th.words, td.words { text-align: left; white-space: normal; max-width: 26rem }
th:first-child, td:first-child { position: sticky; left: 0; background: #fff;
  min-width: 7.5rem }
thead th { border-bottom: 2px solid #9aa5b8; vertical-align: bottom }
small { display: block; color: #5a6578; font-size: 12px; line-height: 1.2 }
figure { margin: .6rem 0 1.6rem }
figcaption { color: #5a6578; font-size: 14px }
img { max-width: 100%; min-width: 36rem; height: auto }
"""
IN_BRACKETS = re.compile(r"(.*\d(?: %)?) (\([^()]+ to [^()]+\).*)")  # a value and its interval


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Table:
    """A table whose cells are text. The first column and those in `words` are left-aligned."""

    head: list[str]
    rows: list[list[str]]
    words: tuple[int, ...] = ()

    def is_left_aligned(self, column: int) -> bool:
        return column == 0 or column in self.words


@dataclass(frozen=True)
class Picture:
    """A PNG by its file name, and the caption below it."""

    file: str
    text: str


def markdown(blocks: list) -> str:
    """Return the blocks as Markdown, in which a picture is a link to its file."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Text():
            return block.text
        case Picture():
            return f"![{block.text}]({block.file})\n\n*{block.text}*"
    rule = ["---" if block.is_left_aligned(column) else "---:" for column in range(len(block.head))]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (block.head, *block.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:]))


def html(blocks: list, pictures: Path | Mapping[str, bytes]) -> str:
    """Return the blocks as one HTML file that needs no network, with its pictures inside.

    The first block is the title. `pictures` is the folder that the pictures are read from, or their
    contents by file name.
    """
    headings = [block for block in blocks if isinstance(block, Heading)]
    title, sections = headings[0].text, headings[1:]
    links = "".join(f'<a href="#{_id(h.text)}">{markup.escape(h.text)}</a>' for h in sections)
    first, *rest = (_html(block, pictures) for block in blocks)
    body = "\n".join([first, f"<nav>{links}</nav>", *rest])
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{markup.escape(title)}'
        f"</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(block, pictures: Path | Mapping[str, bytes]) -> str:
    match block:
        case Heading():
            text = markup.escape(block.text)
            return f'<h{block.level} id="{_id(block.text)}">{text}</h{block.level}>'
        case Text():
            return f"<p>{markup.escape(block.text)}</p>"
        case Picture():
            is_folder = isinstance(pictures, Path)
            png = (pictures / block.file).read_bytes() if is_folder else pictures[block.file]
            data, text = base64.b64encode(png).decode(), markup.escape(block.text)
            return (
                f'<figure><div class="wide"><img alt="{text}" '
                f'style="width: {_width_in(png):.2f}in" src="data:image/png;base64,{data}"></div>'
                f"<figcaption>{text}</figcaption></figure>"
            )
    rows = "\n".join(_row(block, row, "td") for row in block.rows)
    return (
        f'<div class="wide"><table>\n<thead>{_row(block, block.head, "th")}</thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _row(table: Table, cells: list[str], tag: str) -> str:
    words = ("", ' class="words"')
    return "<tr>{}</tr>".format(
        "".join(
            f"<{tag}{words[table.is_left_aligned(column)]}>{_cell(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )
    )


def _cell(text: str) -> str:
    """Put a value's interval below the value, which makes tables half as wide."""
    if match := IN_BRACKETS.fullmatch(text):
        return f"{markup.escape(match[1])} <small>{markup.escape(match[2])}</small>"
    return markup.escape(text)


def _id(heading: str) -> str:
    return re.sub(r"\W+", "-", heading.lower())


def _width_in(png: bytes) -> float:
    """Return a picture's width in inches; at that width its letters have the size of the page's."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.width / image.info["dpi"][0]
