"""Write the pages of this folder that are made from the code: ``python docs/generate.py``.

With ``--check`` nothing is written, and the exit code is 1 when a page is not what the code
says. With ``--record FILE...`` the figures of reports of the conformance suite (``tensorcore
conformance --backend NAME --tier pr --json FILE``) go to ``measured.json`` first, for the table
of ops. ``PAGES`` lists the pages; each is a function without arguments that returns its text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from pages import dtypes, functions, ops, options, picture, rules, sabotage, support, theano  # noqa: E402

PAGES: dict[str, Callable[[], str]] = {
    "dtypes.md": dtypes.page,
    "functions.md": functions.page,
    "logistic.svg": picture.page,
    "ops.md": ops.page,
    "options.md": options.page,
    "rules.md": rules.page,
    "sabotage.md": sabotage.page,
    "support.md": support.page,
    "theano.md": theano.page,
}


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or compare them."""
    if "--record" in arguments:
        ops.record([Path(name) for name in arguments if name != "--record"])
    stale = []
    for name, page in PAGES.items():
        path, text = HERE / name, page()
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"{', '.join(stale)}: not what the code says; run python docs/generate.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
