"""``tensorcore run``: a program for Theano, as ``python`` would run it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from types import CodeType, ModuleType

from . import install

USAGE = """usage: tensorcore run PROGRAM.py [ARGUMENT ...]
       tensorcore run -m MODULE [ARGUMENT ...]

Run a program that imports theano, unchanged; `import theano` finds tensorcore. THEANO_FLAGS and
~/.theanorc count; TENSORCORE_BACKEND and other settings of tensorcore win over them.

exit codes: those of the program; 1 after an error, 2 when there is no such program"""


def run(words: Sequence[str]) -> int:
    """Run ``PROGRAM.py ARGUMENT ...`` or ``-m MODULE ARGUMENT ...``; returns 1 after an error."""
    if words[0] == "-m":
        return _run_module(words[1:])
    path = words[0]
    if os.path.isdir(path):
        path = os.path.join(path, "__main__.py")
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as cause:
        print(f"tensorcore: run: {words[0]}: {cause.strerror}. {_hint()}", file=sys.stderr)
        return 2
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as cause:
        traceback.print_exception(cause, limit=0)
        if _looks_like_python_2(source):
            print(f"tensorcore: {_PYTHON_2.format(path)}", file=sys.stderr)
        return 1
    sys.argv[:] = [path, *words[1:]]
    sys.path[0:1] = [os.path.dirname(os.path.abspath(path))]
    return _execute(code, path)


_PYTHON_2 = (
    "the program may be written in Python 2: convert it first, as docs/migration.md says "
    "(2to3 -w -n {})."
)


def _looks_like_python_2(source: bytes) -> bool:
    import re

    return bool(
        re.search(rb"^\s*(print\s+[^(=\s]|except\s+\w+,\s*\w+:|exec\s+['\"])", source, re.M)
    )


def _hint() -> str:
    return "`tensorcore run --help` says how to name a program."


def _main_module(path: str) -> ModuleType:
    main = ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    return main


def _execute(code: CodeType, path: str) -> int:
    install()
    main = _main_module(path)
    try:
        exec(code, main.__dict__)
    except SystemExit:
        raise
    except BaseException as problem:  # noqa: BLE001 (the program's own, shown as Python does)
        return _failed(problem, path)
    return 0


def _failed(problem: BaseException, path: str) -> int:
    """Show the error as Python would: from the program's own first line."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    kept = trace or problem.__traceback__
    sys.excepthook(type(problem), problem.with_traceback(kept), kept)
    return 130 if isinstance(problem, KeyboardInterrupt) else 1


def _run_module(words: Sequence[str]) -> int:
    import runpy

    if not words:
        print(f"tensorcore: run -m: no module is named. {_hint()}", file=sys.stderr)
        return 2
    install()
    sys.path[0:1] = [os.getcwd()]
    sys.argv[:] = ["-m", *words[1:]]
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    return 0
