"""What the demo shows: a progress bar on a terminal, plain lines elsewhere, and a table."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Protocol, TextIO

_BAR = 30


class Row(Protocol):
    """What the table reads of a backend's outcome."""

    backend: str
    status: str
    reason: str
    hint: str
    compile_time: float | None
    step_time: float | None
    accuracy: float | None
    loss_difference: float | None
    gradient_difference: float | None
    failure: str

    @property
    def ready(self) -> bool: ...


class Progress:
    """Progress of the training: a bar that moves on a terminal, one line a backend elsewhere."""

    def __init__(self, stream: TextIO, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._live = not quiet and stream.isatty()
        self._full, self._empty = "━", "╌"
        try:
            (self._full + self._empty).encode(stream.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            self._full, self._empty = "#", "-"

    def epoch(self, backend: str, done: int, total: int, loss: float) -> None:
        """After an epoch: move the bar."""
        if self._live:
            full = _BAR * done // total
            bar = self._full * full + self._empty * (_BAR - full)
            self._stream.write(f"\r{backend:<12} {bar} epoch {done}/{total}, loss {loss:.4f} ")
            self._stream.flush()

    def finish(self, backend: str, verdict: str) -> None:
        """After a backend: one line that stays."""
        if self._quiet:
            return
        first = verdict.splitlines()[0] if verdict else ""
        erase = "\r\x1b[K" if self._live else ""
        self._stream.write(f"{erase}{backend:<12} {first}\n")
        self._stream.flush()


def table(rows: Sequence[Row], reference: str) -> list[str]:
    """The lines of the table, and below it why a backend failed or cannot run."""
    cells = [("backend", "status", "compile", "per step", "accuracy", "difference")]
    cells += [_cells(row, reference) for row in rows]
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines.insert(0, "")
    for row in rows:
        if row.failure:
            lines += ["", f"{row.backend} failed:", *_indented(row.failure)]
        elif not row.ready:
            lines += ["", f"{row.backend} cannot run here:", *_indented(row.reason or row.status)]
            lines += _indented(f"how to get it: {row.hint}") if row.hint else []
    return lines


def _cells(row: Row, reference: str) -> tuple[str, str, str, str, str, str]:
    gap = "reference" if row.backend == reference and row.ready else ""
    if row.loss_difference is not None and row.gradient_difference is not None:
        gap = f"{row.loss_difference:.1f} / {row.gradient_difference:.1f}"
    return (
        row.backend,
        "failed" if row.failure else row.status,
        "" if row.compile_time is None else f"{row.compile_time:.3f} s",
        "" if row.step_time is None else f"{row.step_time * 1e3:.3f} ms",
        "" if row.accuracy is None else f"{row.accuracy:.4f}",
        gap,
    )


def _indented(text: str) -> list[str]:
    return [
        piece
        for line in text.splitlines()
        for piece in textwrap.wrap(
            line, 79, initial_indent="    ", subsequent_indent="    ", break_long_words=False
        )
        or [""]
    ]
