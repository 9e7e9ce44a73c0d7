"""Altering one expression of a backend in this process, and putting it back."""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .rows import Sabotage


@contextmanager
def altered(row: Sabotage) -> Iterator[None]:
    """With the sabotage at work."""
    kind = row.where.rpartition(", ")[2]
    if row.where.startswith("op ") and kind == "reference":
        manager = _computed(row, row.new)
    elif row.where.startswith("op ") and kind == "gradient":
        manager = _code(_op(row).vjp, row)
    elif row.where.startswith("op "):
        manager = _scalar_code(row)
    elif row.where.startswith("prelude "):
        from tensorcore.codegen import prelude

        manager = _entry(prelude._KINDS[row.where.split()[1].rstrip(",")], kind, row)
    elif row.where.endswith(".c"):
        manager = _runtime(row)
    else:
        manager = _named(row)
    with manager, _own_entries(row):
        yield


@contextmanager
def _own_entries(row: Sabotage) -> Iterator[None]:
    """Other keys in the cache: files do not show what is altered here."""
    from tensorcore import cache

    stamp = cache.stamp
    with _attribute(cache, "stamp", lambda folder: cache.key_of(stamp(folder), row.old, row.new)):
        yield


def changed(text: str, row: Sabotage) -> str:
    """The text with the alteration, which must be possible in exactly one place."""
    found = text.count(row.old)
    assert found == 1, f"{row.name}: {row.old!r} occurs {found} times in {row.where}"
    return text.replace(row.old, row.new)


def _op(row: Sabotage) -> Any:
    from tensorcore.ops import OPS

    return OPS[row.where.split()[1].rstrip(",")]


# -- what the reference backend computes ----------------------------------------------------


@contextmanager
def intact(row: Sabotage) -> Iterator[None]:
    """With the expression that is altered written out: this must change nothing."""
    if not row.where.endswith(", reference"):
        yield
        return
    with _computed(row, row.old):
        yield


@contextmanager
def _computed(row: Sabotage, expression: str) -> Iterator[None]:
    from tensorcore import interpret

    op, right = _op(row), interpret.call
    code = compile(expression, row.name, "eval")

    def call(step: Any, args: Any, dtype: str, xp: Any = np) -> Any:
        y = right(step, args, dtype, xp)
        if step.op != op.name or args[0].dtype.name != row.dtype:
            return y
        known = dict(zip("abcdefg", args, strict=False)) | dict(step.attrs)
        with np.errstate(all="ignore"):
            return np.asarray(eval(code, {"np": np, "y": y, **known})).astype(y.dtype)

    interpret.call = call
    try:
        yield
    finally:
        interpret.call = right


# -- texts and code -------------------------------------------------------------------------


@contextmanager
def _entry(table: Any, key: Any, row: Sabotage) -> Iterator[None]:
    right = table[key]
    table[key] = changed(right, row)
    try:
        yield
    finally:
        table[key] = right


@contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    right = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, right)


@contextmanager
def _scalar_code(row: Sabotage) -> Iterator[None]:
    op = _op(row)
    if isinstance(op.c, str):
        new: str | Mapping[str, str] = changed(op.c, row)
    else:
        (key,) = (k for k, text in op.c.items() if row.old in text)
        new = {**op.c, key: changed(op.c[key], row)}
    with _attribute(op, "c", new):
        yield


@contextmanager
def _named(row: Sabotage) -> Iterator[None]:
    module, _, path = row.where.partition(":")
    owner: Any = importlib.import_module(module)
    path, _, key = path.rstrip("]").partition("[")
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    found = getattr(owner, name)
    if isinstance(found, MutableMapping):
        manager = _entry(found, key, row)
    elif isinstance(found, str):
        manager = _attribute(owner, name, changed(found, row))
    else:
        manager = _code(found, row)
    with manager:
        yield


@contextmanager
def _code(function: Any, row: Sabotage) -> Iterator[None]:
    """Other code in the same function, so that whoever has imported it runs that."""
    text = changed(textwrap.dedent(inspect.getsource(function)), row)
    text = text[text.index("def ") :]  # without decorators
    space = dict(function.__globals__)
    exec(compile(text, inspect.getfile(function), "exec", annotations.compiler_flag, True), space)
    right = function.__code__
    function.__code__ = space[function.__name__].__code__
    try:
        yield
    finally:
        function.__code__ = right


@contextmanager
def _runtime(row: Sabotage) -> Iterator[None]:
    """Another C runtime, built for this; the usual one stays loaded."""
    from tensorcore_cgen import runtime

    text = runtime._source()
    with (
        _attribute(runtime, "_source", lambda: changed(text, row)),
        _attribute(runtime, "_state", runtime._State()),
    ):
        assert runtime._native() is not None, f"{row.name}: the runtime's own test catches it"
        yield
