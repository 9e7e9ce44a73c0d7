"""Tables and listings as text for terminals and as HTML for notebooks: what the reports,
profiles and explanations of compiled functions are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias


class Table(NamedTuple):
    """Rows of text under a header. Columns named in ``right`` are aligned to the right."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = frozenset()


class Listing(NamedTuple):
    """Lines of text under a title; ``text`` keeps its spaces."""

    title: str
    text: str


Section: TypeAlias = Table | Listing

_STYLE = "text-align:{};padding:2px 10px;vertical-align:top"


def as_text(sections: Iterable[Section]) -> str:
    """The sections one after the other, for a fixed-width font."""
    return "\n\n".join(_text(s) for s in sections)


def as_html(sections: Iterable[Section]) -> str:
    """The sections as HTML; all text is escaped."""
    return "<div>" + "".join(_html(s) for s in sections) + "</div>"


def _text(section: Section) -> str:
    lines = [section.title, "-" * len(section.title)]
    if isinstance(section, Listing):
        return "\n".join([*lines, section.text])
    rows = [section.header, *section.rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(section.header))]
    for row in rows:
        cells = [
            cell.rjust(width) if name in section.right else cell.ljust(width)
            for cell, width, name in zip(row, widths, section.header, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _html(section: Section) -> str:
    from html import escape

    title = f"<p><b>{escape(section.title)}</b></p>"
    if isinstance(section, Listing):
        return f"{title}<pre>{escape(section.text)}</pre>"
    styles = [_STYLE.format("right" if n in section.right else "left") for n in section.header]
    rows = [_row("th", section.header, styles)]
    rows += [_row("td", row, styles) for row in section.rows]
    return f"{title}<table>{''.join(rows)}</table>"


def _row(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    from html import escape

    inside = "".join(
        f'<{tag} style="{style}">{escape(cell)}</{tag}>'
        for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{inside}</tr>"


def seconds(time: float) -> str:
    """A duration in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if time * factor >= 1 or unit == "us":
            return f"{time * factor:.3g} {unit}"
    return ""


def amount(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} GiB"
