"""A page of headings, texts, tables and pictures: once as Markdown, once as HTML in one file."""

import base64
import html as markup
import re
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
    """Cells are text as it is shown: the first column and those of `words` to the left."""

    head: list[str]
    rows: list[list[str]]
    words: tuple[int, ...] = ()

    def left(self, column: int) -> bool:
        return column == 0 or column in self.words


@dataclass(frozen=True)
class Picture:
    """A PNG of this name in the report's folder, and what it shows: written below it."""

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
            return f"![{block.text}]({block.file})\n\n*{block.text}*"
    rule = ["---" if block.left(column) else "---:" for column in range(len(block.head))]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (block.head, *block.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:]))


def html(blocks: list, folder: Path) -> str:
    """One file with its pictures in it, which are read from `folder`; it needs no network."""
    headings = [block for block in blocks if isinstance(block, Heading)]
    title, sections = headings[0].text, headings[1:]
    links = "".join(f'<a href="#{_id(of.text)}">{markup.escape(of.text)}</a>' for of in sections)
    first, *rest = (_html(block, folder) for block in blocks)
    body = "\n".join([first, f"<nav>{links}</nav>", *rest])
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{markup.escape(title)}'
        f"</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(block, folder: Path) -> str:
    match block:
        case Heading():
            text = markup.escape(block.text)
            return f'<h{block.level} id="{_id(block.text)}">{text}</h{block.level}>'
        case Text():
            return f"<p>{markup.escape(block.text)}</p>"
        case Picture():
            data = base64.b64encode((folder / block.file).read_bytes()).decode()
            text, width = markup.escape(block.text), _inches(folder / block.file)
            return (
                f'<figure><div class="wide"><img alt="{text}" style="width: {width:.2f}in" '
                f'src="data:image/png;base64,{data}"></div><figcaption>{text}</figcaption></figure>'
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
            f"<{tag}{words[table.left(column)]}>{_cell(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )
    )


def _cell(text: str) -> str:
    """A value with its interval below it, which makes tables half as wide; other text as it is."""
    if found := IN_BRACKETS.fullmatch(text):
        return f"{markup.escape(found[1])} <small>{markup.escape(found[2])}</small>"
    return markup.escape(text)


def _id(heading: str) -> str:
    return re.sub(r"\W+", "-", heading.lower())


def _inches(path: Path) -> float:
    """How wide a picture was made, so that its letters have the size of the page's."""
    from PIL import Image

    with Image.open(path) as image:
        return image.width / image.info["dpi"][0]
