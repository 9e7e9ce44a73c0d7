"""``theano.compat``: what Python 2 and 3 spelt differently, as Python 3 has it."""

from __future__ import annotations

import builtins
import functools
import io
import itertools
import operator
import pickle
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .pickles import cPickle

__all__ = [
    "BytesIO", "Counter", "DefaultOrderedDict", "Iterator", "OrderedDict", "OrderedSet", "PY2",
    "PY3", "StringIO", "add_metaclass", "all", "any", "b", "binary_type", "builtins", "cPickle",
    "cStringIO", "callable", "class_types", "cmp", "combinations", "decode", "decode_iter",
    "defaultdict", "deque", "exc_message", "filter", "frozendict",
    "get_unbound_function", "ifilter", "imap",
    "input", "integer_types", "iteritems", "iterkeys", "itervalues", "izip", "maxsize", "map",
    "may_share_memory",
    "next", "partial", "pickle", "product", "queue", "range", "reduce", "render_string", "reraise",
    "string_types", "text_type", "u", "urllib", "with_metaclass", "xrange", "zip", "cmp_to_key",
    "hex_digest",
]  # fmt: skip

PY2, PY3 = False, True
string_types, text_type, binary_type = (str,), str, bytes
integer_types, class_types, maxsize = (int,), (type,), (1 << 63) - 1
izip, imap, ifilter, xrange = zip, builtins.map, builtins.filter, range
# Named, as programs import them from here.
zip, map, filter, range, next = (
    builtins.zip, builtins.map, builtins.filter, builtins.range, builtins.next,
)  # fmt: skip
all, any, input, callable = builtins.all, builtins.any, builtins.input, builtins.callable
reduce, partial, cmp_to_key = functools.reduce, functools.partial, functools.cmp_to_key
combinations, product = itertools.combinations, itertools.product
StringIO = cStringIO = io.StringIO
BytesIO = io.BytesIO
Iterator = object


class Counter(defaultdict):  # type: ignore[type-arg]
    """``collections.Counter``."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        import collections

        return collections.Counter(*args, **kwargs)


class DefaultOrderedDict(OrderedDict):  # type: ignore[type-arg]
    """A dict with a default, in the order of insertion."""

    def __init__(self, default_factory: Callable[[], Any] | None = None, *args: Any) -> None:
        super().__init__(*args)
        self.default_factory = default_factory

    def __missing__(self, key: Any) -> Any:
        if self.default_factory is None:
            raise KeyError(key)
        self[key] = made = self.default_factory()
        return made


class OrderedSet(dict):  # type: ignore[type-arg]
    """A set in the order of insertion."""

    def __init__(self, iterable: Iterable[Any] = ()) -> None:
        super().__init__((x, None) for x in iterable)

    def add(self, x: Any) -> None:
        """Add an element."""
        self[x] = None

    def update(self, iterable: Iterable[Any]) -> None:  # type: ignore[override]
        """Add elements."""
        for x in iterable:
            self[x] = None

    def discard(self, x: Any) -> None:
        """Take an element out, if it is there."""
        self.pop(x, None)


class frozendict(dict):  # type: ignore[type-arg]
    """A dict that can be hashed, and is not to be changed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def may_share_memory(a: Any, b: Any, raise_other_type: bool = True) -> bool:
    """Whether two arrays may lie in the same memory."""
    import numpy as np

    return bool(np.may_share_memory(a, b))


def iteritems(d: Mapping[Any, Any]) -> Any:
    """The items of a dict."""
    return iter(d.items())


def iterkeys(d: Mapping[Any, Any]) -> Any:
    """The keys of a dict."""
    return iter(d.keys())


def itervalues(d: Mapping[Any, Any]) -> Any:
    """The values of a dict."""
    return iter(d.values())


def b(text: str) -> bytes:
    """Text as bytes."""
    return text.encode("latin-1")


def u(text: str) -> str:
    """Text."""
    return text


def decode(x: Any) -> Any:
    """Bytes as text."""
    return x.decode() if isinstance(x, bytes) else x


def decode_iter(iterable: Iterable[Any]) -> Any:
    """Each element decoded."""
    return builtins.map(decode, iterable)


def exc_message(e: BaseException) -> Any:
    """The message of an error."""
    return e.args[0] if e.args else str(e)


def get_unbound_function(unbound: Any) -> Any:
    """The function of a method."""
    return getattr(unbound, "__func__", unbound)


def cmp(x: Any, y: Any) -> int:
    """-1, 0 or 1."""
    return int(operator.gt(x, y)) - int(operator.lt(x, y))


def reraise(kind: type[BaseException], value: BaseException | None, tb: Any = None) -> None:
    """Raise an error with a traceback."""
    raise (kind() if value is None else value).with_traceback(tb)


def add_metaclass(metaclass: Any) -> Callable[[type], Any]:
    """Decorator: the class made by a metaclass."""

    def made(cls: type) -> Any:
        namespace = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
        return metaclass(cls.__name__, cls.__bases__, namespace)

    return made


def with_metaclass(metaclass: Any, *bases: type) -> Any:
    """A base class with a metaclass."""
    return metaclass("base", bases or (object,), {})


def render_string(string: str, sub: Mapping[str, Any]) -> str:
    """``string % sub``."""
    return string % sub


def hex_digest(x: Any) -> str:
    """A digest of an array."""
    import hashlib

    return hashlib.sha256(x.tobytes()).hexdigest()


def __getattr__(name: str) -> Any:
    if name in ("queue", "urllib"):
        import importlib

        return importlib.import_module(name)
    raise AttributeError(f"tensorcore.legacy.compat has no {name!r}.")
