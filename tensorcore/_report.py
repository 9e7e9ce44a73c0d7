"""What the command line prints about the machine, the settings and the backends."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._probe import Probe
    from ._settings import Setting
    from .inspection.op_table import OpFacts
    from .plugins import Status


def version() -> str:
    """The installed version of tensorcore."""
    import re
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("tensorcore")
    except PackageNotFoundError:  # a checkout on the path, not installed
        page = os.path.join(os.path.dirname(os.path.dirname(__file__)), "pyproject.toml")
        found: re.Match[str] | None = None
        try:
            with open(page, encoding="utf-8") as file:
                found = re.search(r'^version = "([^"]+)"', file.read(), re.MULTILINE)
        except OSError:
            pass
        return f"{found.group(1)} (not installed)" if found else "(not installed)"


def table(rows: Iterable[Sequence[str]], header: Sequence[str]) -> str:
    """Rows in columns as wide as needed."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def backends_table(found: Sequence[Status]) -> str:
    """One line per backend: what it is, what it runs on, and how it stands."""
    header = ("NAME", "PACKAGE", "VERSION", "API", "DEVICES", "STATUS", "REASON")
    rows = [
        (s.name, s.distribution, s.version, s.api, ", ".join(s.devices), s.state, s.reason)
        for s in found
    ]
    return table(rows, header)


def backends_notes(found: Sequence[Status], verbose: bool) -> list[str]:
    """What does not fit into the table: hints, names that several packages claim, and, with
    ``verbose``, versions, device numbers and the tracebacks of what was raised."""
    owners: dict[str, list[str]] = {}
    for status in found:
        owners.setdefault(status.name, [])
        if status.state != "disabled":
            owners[status.name].append(status.distribution)
    lines = []
    for name, packages in owners.items():
        if len(packages) > 1:
            choices = " or ".join(f"{name}@{package}" for package in packages)
            lines.append(f"{name}: {' and '.join(packages)} both provide it; write {choices}")
    for status in found:
        shared = len(owners[status.name]) > 1
        label = f"{status.name}@{status.distribution}" if shared else status.name
        lines += [f"{label}: {status.hint}"] if status.hint else []
        if verbose:
            lines += [f"{label}: {name} {version}" for name, version in status.versions.items()]
            numbered = enumerate(status.devices)
            lines += [f"{label}: device {number}: {device}" for number, device in numbered]
            lines += _traceback(label, status.cause) if status.cause is not None else []
    return lines


def _traceback(label: str, cause: BaseException) -> list[str]:
    import traceback

    return [f"{label}:", "".join(traceback.format_exception(cause)).rstrip()]


def settings_page(settings: Sequence[Setting], explain: bool) -> str:
    """One line per option; with ``explain`` the source, the losers and the meaning too."""
    if not explain:
        return "\n".join(f"{s.option} = {shown(s.value)}".rstrip() for s in settings)
    lines = []
    for setting in settings:
        lines.append(
            f"{setting.option} = {shown(setting.value)}".rstrip() + f"   ({setting.source})"
        )
        lines += [f"    overrode {shown(value)} ({source})" for value, source in setting.overrode]
        lines.append(f"    {setting.doc}")
    return "\n".join(lines)


def shown(value: object) -> str:
    """An option's value as one would write it in an rc file."""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def ops_page(ops: Sequence[OpFacts]) -> str:
    """One line per op."""
    header = ("OP", "KIND", "DTYPES", "GRADIENT", "ULP")
    rows = [
        (op.signature, op.kind, op.dtypes, op.gradient.partition(":")[0], ulp(op)) for op in ops
    ]
    return f"{table(rows, header)}\n\n{len(rows)} ops; tensorcore ops NAME says more of one"


def ulp(op: OpFacts) -> str:
    """The promised error in units in the last place, of float32 / float64."""
    return f"{op.ulp['float32']:g} / {op.ulp['float64']:g}"


def op_page(op: OpFacts) -> str:
    """All there is to say of one op."""
    rows = [
        ("kind", f"{op.kind}, {op.family}"),
        ("in T", ", ".join(f"T.{name}" for name in op.public) or "through other functions"),
        ("dtypes", op.dtypes),
        ("result", op.result),
        ("gradient", op.gradient),
        ("ulp", f"{ulp(op)} (float32 / float64)"),
        ("declared", op.module),
    ]
    rows += [("notes", " ".join(op.notes.split()))] if op.notes else []
    lines = [f"  {name.ljust(8)}  {words}" for name, words in rows]
    described = [f"  {line}".rstrip() for line in op.description.splitlines()]
    return "\n".join([op.signature, *described, "", *lines])


def surroundings() -> dict[str, str]:
    """Versions and places: Python, NumPy, platform, cache folder."""
    import numpy as np

    from . import config

    return {
        "tensorcore": version(),
        "python": f"{platform.python_version()} ({sys.executable})",
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processors": str(os.cpu_count()),
        "cache folder": _cache_folder(config.cache_dir),
    }


def _cache_folder(folder: str) -> str:
    if not folder:
        return "none (nothing is kept between runs); set the option cache_dir"
    above = folder
    while not os.path.exists(above) and os.path.dirname(above) != above:
        above = os.path.dirname(above)
    if not os.path.isdir(above) or not os.access(above, os.W_OK):
        return f"{folder} (cannot be written; set the option cache_dir)"
    return folder


def verdict(chosen: str, probes: Sequence[Probe]) -> int:
    """The exit code of ``doctor``: 0 when the backend that counts works, else 3."""
    from . import config
    from ._options import parse_spec

    wanted = config.auto_order if chosen == "auto" else (chosen,)
    names = {parse_spec(words).name for words in wanted}
    works = any(_name(probe) in names for probe in probes if probe.works)
    return 0 if works else 3


def _name(probe: Probe) -> str:
    return probe.backend.partition("@")[0]


def doctor_page(
    about: dict[str, str],
    probes: Sequence[Probe],
    problems: Sequence[str],
    chosen: str,
    code: int,
) -> str:
    """All that ``doctor`` found, as text."""
    from ._options import parse_spec

    width = max(len(name) for name in about)
    lines = [f"{name.ljust(width)}  {value}" for name, value in about.items()]
    lines.append("")
    for probe in probes:
        detail = f": {probe.reason}" if probe.reason else ""
        lines.append(f"{probe.backend}  {probe.state}{detail}")
        lines += [f"    {name} {number}" for name, number in probe.versions.items()]
        lines += [f"    device {place}: {name}" for place, name in enumerate(probe.devices)]
        if probe.hint:
            lines.append(f"    to mend it: {probe.hint}")
    if not probes:
        lines.append("no backend is installed; from the checkout: pip install .")
    lines += ["", *(problems or ["no problems in the configuration"])]
    word = "works" if code != 3 else "does not work"
    if chosen != "auto" and parse_spec(chosen).name not in map(_name, probes):
        word = "is not installed"
    return "\n".join([*lines, f"the backend that counts ({chosen}) {word}"])
