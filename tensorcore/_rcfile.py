"""Where settings are written down outside the program: rc files, TENSORCORE_FLAGS, variables.

Reading never raises: whatever is wrong becomes a Problem of one line. The parser is our own
because ``configparser`` gives up on the first mistake and forgets line numbers.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ._options import brief, home

PREFIX = "TENSORCORE_"
FLAGS = "TENSORCORE_FLAGS"
RC = "TENSORCORERC"
_LARGEST = 1 << 20

#: Levels of the sources; rc file number k has level RC_LEVEL + k.
DEFAULT_LEVEL, RC_LEVEL, FLAGS_LEVEL, VARIABLE_LEVEL = 0, 1, 10_000, 10_001


class Problem(NamedTuple):
    """Something wrong in a configuration source: where it is and what it is."""

    where: str
    message: str

    @property
    def line(self) -> str:
        """The one line that is shown to the user."""
        words = f"tensorcore: {self.where}: {self.message}"
        return "".join(c if c.isprintable() else "?" for c in words)


class Raw(NamedTuple):
    """One setting as written: option name (or variable), text, place, level and section.

    ``section`` is the header it stood under, ``None`` outside rc files.
    """

    key: str
    text: str
    where: str
    level: int
    section: str | None = None


def read_sources(environ: Mapping[str, str]) -> tuple[list[Raw], list[Problem]]:
    """All settings found, lowest precedence first, and what was wrong on the way."""
    found: list[Raw | Problem] = []
    for number, (shown, path, required) in enumerate(_files(environ)):
        found += _read_file(shown, path, required, RC_LEVEL + number)
    found += _read_flags(environ.get(FLAGS, ""))
    for variable in sorted(environ):
        # An empty variable means "not set", as is usual in shells.
        if variable.startswith(PREFIX) and variable != FLAGS and environ[variable]:
            found.append(Raw(variable, environ[variable].strip(), variable, VARIABLE_LEVEL))
    raws = [item for item in found if isinstance(item, Raw)]
    return raws, [item for item in found if isinstance(item, Problem)]


def _files(environ: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """(name to show, path, whether it must exist) of each rc file."""
    if RC in environ:
        named = [part for part in environ[RC].split(os.pathsep) if part]
        return [(part, os.path.expanduser(part), True) for part in named]
    folder = home()
    return [("~/.tensorcorerc", os.path.join(folder, ".tensorcorerc"), False)] if folder else []


def _read_file(shown: str, path: str, required: bool, level: int) -> Iterator[Raw | Problem]:
    try:
        content = _content(path)
    except FileNotFoundError:
        if required:
            yield Problem(shown, f"there is no such file; {RC} names it")
        return
    except (OSError, ValueError) as cause:
        reason = (cause.strerror or "unknown error") if isinstance(cause, OSError) else str(cause)
        yield Problem(shown, f"cannot be read: {reason}; the file is ignored")
        return
    lines, bad = _decode(content)
    if bad:
        yield Problem(f"{shown}:{bad}", "not UTF-8 text; the file is ignored")
        return
    yield from _parse(lines, shown, level)


def _content(path: str) -> bytes:
    if path == os.devnull:
        return b""
    kind = os.stat(path).st_mode
    if stat.S_ISDIR(kind):
        raise ValueError("it is a folder, expected a file")
    if not stat.S_ISREG(kind):  # reading a pipe or a terminal would wait for ever
        raise ValueError("it is no regular file")
    with open(path, "rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("it is larger than 1 MiB")
    return content


def _decode(content: bytes) -> tuple[list[str], int]:
    """The lines, or the number of the first line that is not text."""
    lines = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8").strip())
        except UnicodeDecodeError:
            return [], number
        if "\0" in lines[-1]:
            return [], number
    return lines, 0


def _parse(lines: list[str], shown: str, level: int) -> Iterator[Raw | Problem]:
    section: str | None = None
    skipping = False
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        where = f"{shown}:{number}"
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            section = _header(line)
            skipping = section is None
            if skipping:
                yield Problem(
                    where,
                    f"{brief(line)} is no section, expected a line such as [global]; "
                    "what follows it is ignored",
                )
            continue
        if skipping:
            continue
        if section is None:
            yield Problem(where, f"{brief(line)} stands before any section; expected [global]")
            skipping = True
            continue
        pair = _pair(line)
        if pair is None:
            yield Problem(where, f"{brief(line)} is no setting, expected NAME = VALUE")
            continue
        key = pair[0] if section == "global" else f"{section}.{pair[0]}"
        if key in seen:
            yield Problem(
                where, f"{key!r} was set on line {seen[key]} already; this line is ignored"
            )
            continue
        seen[key] = number
        yield Raw(key, pair[1], where, level, section)


def _header(line: str) -> str | None:
    inside, bracket, rest = line[1:].partition("]")
    inside, rest = inside.strip(), rest.strip()
    good = bracket and inside and "[" not in inside and (not rest or rest[0] in "#;")
    return inside if good else None


def _pair(line: str) -> tuple[str, str] | None:
    ends = [place for place in (line.find("="), line.find(":")) if place > 0]
    if not ends:
        return None
    key, value = line[: min(ends)].strip(), line[min(ends) + 1 :].strip()
    if not key or len(key.split()) != 1:
        return None
    return key, _uncommented(value)


def _uncommented(value: str) -> str:
    """``value`` without a comment; its sign must stand at the start or after a blank."""
    for place, sign in enumerate(value):
        if sign in "#;" and (place == 0 or value[place - 1].isspace()):
            return value[:place].rstrip()
    return value


def _read_flags(flags: str) -> Iterator[Raw | Problem]:
    """``name=value`` separated by commas; a part without ``=`` continues the value before it
    when that is a list (``auto_order=cgen,numpy_ref``)."""
    seen: set[str] = set()
    for key, value in _split_flags(flags):
        if not key:
            yield Problem(FLAGS, f"{brief(value)} is no setting, expected NAME=VALUE")
        elif key in seen:
            yield Problem(FLAGS, f"{key!r} is set twice; the first counts")
        else:
            seen.add(key)
            yield Raw(key, value, FLAGS, FLAGS_LEVEL)


_LISTS = ("auto_order", "plugins", "disable")


def _split_flags(flags: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in flags.split(","))):
        key, equals, value = part.partition("=")
        if equals and key.strip():
            pairs.append((key.strip(), value.strip()))
        elif not equals and pairs and pairs[-1][0] in _LISTS:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]},{part}")
        else:
            pairs.append(("", part))
    return pairs
