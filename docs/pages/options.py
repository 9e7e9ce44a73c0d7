"""The options: ``docs/options.md``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from tensorcore._options import OPTIONS, Option
from tensorcore._report import shown

from .markdown import MADE, code, page_of, prose, table


def page() -> str:
    """Each option: values, default, variable, meaning; those of our backends too."""
    return page_of(
        "# Options",
        MADE,
        inspect.cleandoc(
            """
            From the highest precedence to the lowest: an argument of the call (`backend=`, ...),
            `with tensorcore.config.change_flags(floatX="float32"):`, an assignment
            `tensorcore.config.floatX = "float32"`, the option's own variable, `TENSORCORE_FLAGS`
            (`"floatX=float32,backend=cgen"`), an rc file (`~/.tensorcorerc`, or those that
            `TENSORCORERC` names), the default. `tensorcore config --explain` shows each value,
            where it comes from and what it overrode.
            """
        ),
        _table(OPTIONS),
        "## Of backends",
        "In an rc file they stand in a section of the backend's name: `[cgen]`, `cc = clang`.",
        _table(_of_backends()),
    )


def _of_backends() -> list[Option]:
    """The options of the backends in this repository."""
    from importlib.metadata import distribution

    found: list[Option] = []
    for entry in distribution("tensorcore").entry_points.select(group="tensorcore.backends"):
        options = getattr(entry.load(), "tensorcore_options", None)
        found += options() if options is not None else []
    return found


def _table(options: Sequence[Option]) -> str:
    rows = (
        (code(o.name), _values(o), _default(o), code(o.variable), prose(o.doc)) for o in options
    )
    return table(("option", "values", "default", "variable", "meaning"), rows)


def _values(option: Option) -> str:
    choices = option.kind.choices
    return ", ".join(map(code, choices)) if choices else option.kind.expected


def _default(option: Option) -> str:
    if callable(option.default):
        return "depends on the machine"
    return code(shown(option.default))
