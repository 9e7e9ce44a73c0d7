"""What of Theano is here, by its own names: ``docs/theano.md``."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .markdown import MADE, code, page_of, table

if TYPE_CHECKING:
    from tensorcore.legacy.flag_table import Flag

_DOCS = str(Path(__file__).resolve().parents[1])
if _DOCS not in sys.path:
    sys.path.append(_DOCS)

from theano_coverage import Row, numerical, rows, shares  # noqa: E402


def page() -> str:
    """Coverage, modules, flags, what is missing, and the symbols of two or more repositories."""
    from tensorcore.legacy.flags import FLAGS
    from tensorcore.legacy.names import INSTEAD

    found = rows()
    uses, symbols = shares(found)
    words = numerical(found)
    common = [row for row in found if row.repositories >= 2 and row.here and row not in words]
    absent = [row for row in found if not row.here]
    return page_of(
        "# Theano's names",
        MADE,
        inspect.cleandoc(
            f"""
            After `tensorcore.install_as_theano()`, or under `tensorcore run`, `import theano` and
            its modules find what is here; [migration.md](migration.md) says how to move a program.
            The table of symbols was counted over 97 public codebases
            ([theano_symbols.csv](theano_symbols.csv); `method?` are guesses, which do not count).
            Of all uses {uses:.2%} are here, of the symbols that two or more codebases use
            {symbols:.1%}. The second column is the number of codebases, the third that of uses.
            """
        ),
        f"## What is not here ({len(absent)})",
        _table(absent),
        "## What to use instead",
        "What the error says where a name that Theano documents, or a module, is not here.",
        table(("name or module", "instead"), ((code(n), words) for n, words in INSTEAD.items())),
        f"## Flags ({len(FLAGS)})",
        "In `THEANO_FLAGS`, `~/.theanorc` and `theano.config`. Settings of ours, such as "
        "`TENSORCORE_BACKEND`, win. A flag that is not in this table is reported and kept.",
        table(
            ("flag", "default", "sets the option", "meaning here"),
            (
                (code(name), _default(flag), code(flag.option), flag.meaning)
                for name, flag in FLAGS.items()
            ),
        ),
        f"## Numerical names of two or more codebases ({len(words)})",
        "What says what is computed, with its keywords: operators, functions, types, methods, "
        "random draws. All of them work on every backend, and their gradients too, as those of the "
        "ops in [ops.md](ops.md) that they are made of; machinery, devices and tools are in the "
        "next table.",
        _table(words),
        f"## What else is here, of two or more codebases ({len(common)})",
        _table(common),
    )


def _table(found: list[Row]) -> str:
    cells = (
        (code(row.symbol), str(row.repositories), str(row.uses), row.kind, row.here or row.reason)
        for row in found
    )
    return table(("symbol", "codebases", "uses", "kind", "here, or why not"), cells)


def _default(flag: Flag) -> str:
    """A default that is a folder of this machine is none of the page's."""
    if isinstance(flag.default, str) and Path(flag.default).is_absolute():
        return "of the machine"
    return code(repr(flag.default))
