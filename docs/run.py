"""Run the code of the pages: ``python docs/run.py [--update] PAGE...``.

The blocks marked ``python`` of one page run in order in one namespace. What a block prints is
compared with the block marked ``text`` that follows it directly, and the value of a line that
ends in ``# -> words`` with those words: spaces and rules of any length are alike, ``...`` stands
for anything, and numbers with a decimal point may differ in the sixth digit. Without such a
block what is printed is free, and of one marked ``text timings`` only the lines count, without
their numbers and in any order. The lines of blocks
marked ``sh`` that begin with ``tensorcore`` or ``python -m tensorcore`` are run and must succeed.
``no-run``, with a reason, after ``python`` or ``sh`` keeps a block from running. ``--update``
writes what was printed in place of expected text that does not fit.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

COMMANDS = ("tensorcore ", "python -m tensorcore ")
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
_TOLERANCE = 1e-5


class Block(NamedTuple):
    """A fenced block: ``info`` is what follows the opening fence; ``start`` and ``end`` number
    the first line of its content and the closing fence, counted from 0."""

    info: str
    content: str
    start: int
    end: int

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def runs(self) -> bool:
        return " no-run" not in f" {self.info}"


class Mismatch(NamedTuple):
    """What a block gave in place of what the page says. ``block``: the expected text, or None
    for a line's ``# ->``."""

    line: int
    expected: str
    found: str
    block: Block | None

    def __str__(self) -> str:
        return f"line {self.line}: expected\n{self.expected}\nfound\n{self.found}"


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page; those inside lists are taken out of their indentation."""
    found, opened = [], None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        fence = re.match(r"( *)```(.*)", line)
        if fence is None:
            continue
        if opened is None:
            opened = (number + 1, fence[2].strip(), len(fence[1]))
        else:
            start, info, indent = opened
            content = "".join(row[indent:] + "\n" for row in lines[start:number])
            found.append(Block(info, content, start, number))
            opened = None
    return found


def expected_after(block: Block, following: Sequence[Block], lines: Sequence[str]) -> Block | None:
    """The ``text`` block that follows directly, with nothing but empty lines between."""
    if not following or following[0].language != "text":
        return None
    between = lines[block.end + 1 : following[0].start - 1]
    return following[0] if not any(line.strip() for line in between) else None


def alike(expected: str, found: str) -> bool:
    """Whether the text found is the one expected, as the docstring of this module says."""
    found, numbers = _plain(found), []
    pattern = ""
    for k, part in enumerate(re.split(r"\.\.\.", _plain(expected))):
        pattern += "(?:.*?)" if k else ""
        last = 0
        for number in _NUMBER.finditer(part):
            pattern += _words(part[last : number.start()]) + f"({_NUMBER.pattern})"
            numbers.append(number[0])
            last = number.end()
        pattern += _words(part[last:])
    match = re.fullmatch(pattern, found, re.DOTALL)
    return match is not None and all(map(_close, numbers, match.groups()))


def _plain(text: str) -> str:
    text = re.sub(r"-{3,}", "---", " ".join(text.split()))
    return re.sub(r"(?<=[\[(]) | (?=[,\])])", "", text)  # NumPy pads numbers


def same_but_for_times(expected: str, found: str) -> bool:
    """Whether two texts have the same lines, in any order, when numbers and units are left out."""

    def bare(text: str) -> list[str]:
        lines = (re.sub(r"\d[\d.]*( [mun]?s\b|%)?", "", _plain(line)) for line in text.splitlines())
        return sorted(" ".join(line.split()) for line in lines if line.strip())

    return bare(expected) == bare(found)


def _words(text: str) -> str:
    """Literal text; next to ``...`` a space may be missing."""
    return re.sub(r"(?:\\ )+", r"\\s*", re.escape(text))


def _close(expected: str, found: str) -> bool:
    if expected == found:
        return True
    if not set(".eE") & set(expected):
        return False
    a, b = float(expected), float(found)
    return abs(a - b) <= _TOLERANCE * max(abs(a), abs(b))


def run_page(path: Path) -> Iterator[Mismatch]:
    """Run the Python of a page; yields what is not as the page says."""
    text = path.read_text(encoding="utf-8")
    lines, found = text.splitlines(), blocks(text)
    # So that messages and reports show the lines of the page as the user's.
    linecache.cache[path.name] = (len(text), None, [line + "\n" for line in lines], path.name)
    names: dict[str, Any] = {"__name__": path.stem}
    for k, block in enumerate(found):
        if block.language != "python" or not block.runs:
            continue
        expected = expected_after(block, found[k + 1 :], lines)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            yield from _run(block, path.name, names)
        if expected is None:
            continue
        fits = same_but_for_times if expected.info == "text timings" else alike
        if not fits(expected.content, printed.getvalue()):
            yield Mismatch(block.start + 1, expected.content, printed.getvalue(), expected)


def _run(block: Block, file: str, names: dict[str, Any]) -> Iterator[Mismatch]:
    """Run the statements of a block one by one, comparing where a comment says what comes."""
    tree = ast.parse(block.content, file)
    ast.increment_lineno(tree, block.start)
    rows = block.content.splitlines()
    for statement in tree.body:
        assert statement.end_lineno is not None
        said = rows[statement.end_lineno - block.start - 1].partition("# -> ")[2]
        if isinstance(statement, ast.Expr) and said:
            value = eval(compile(ast.Expression(statement.value), file, "eval"), names)
            if not alike(said, repr(value)):
                yield Mismatch(statement.lineno, said, repr(value), None)
        else:
            exec(compile(ast.Module([statement], []), file, "exec"), names)


def commands(text: str) -> Iterator[str]:
    """The commands of ours in blocks of the shell that run."""
    for block in blocks(text):
        if block.language == "sh" and block.runs:
            for line in block.content.splitlines():
                if line.startswith(COMMANDS):
                    yield line.partition(" #")[0].strip()


def run_command(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one command of ours with this interpreter."""
    words = shlex.split(line)
    words = words[3:] if words[0] == "python" else words[1:]
    return subprocess.run(
        [sys.executable, "-m", "tensorcore", *words],
        capture_output=True, text=True, cwd=folder, timeout=120, check=False,
    )  # fmt: skip


def update(path: Path, mismatches: Sequence[Mismatch]) -> int:
    """Write what was found into the page; returns how many blocks were changed."""
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [m for m in mismatches if m.block is not None]
    for mismatch in reversed(changed):
        assert mismatch.block is not None
        found = _with_dots_kept(mismatch.expected, mismatch.found.rstrip("\n").split("\n"))
        lines[mismatch.block.start : mismatch.block.end] = found
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(changed)


def _with_dots_kept(expected: str, found: Sequence[str]) -> list[str]:
    """The lines found, but those that a line with ``...`` already stands for."""
    loose = [line for line in expected.splitlines() if "..." in line and line.strip(". ")]
    return [next((old for old in loose if alike(old, line)), line) for line in found]


def main(arguments: Sequence[str]) -> int:
    """Run pages; 1 when something is not as they say."""
    code = 0
    for name in arguments:
        if name == "--update":
            continue
        mismatches = list(run_page(Path(name)))
        if "--update" in arguments:
            print(f"{name}: {update(Path(name), mismatches)} outputs written")
            mismatches = list(run_page(Path(name)))  # longer outputs move the lines that follow
            update(Path(name), mismatches)
            mismatches = [m for m in mismatches if m.block is None]
        for mismatch in mismatches:
            print(f"{name}, {mismatch}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
