"""Immutable values as bytes and back: numbers, text, tuples, named tuples, mappings, arrays.

No pickle: what comes back is of the types that are named here or by the caller, and nothing that
the bytes say is run. A value is a table in JSON, one row for each distinct part, rows referring to
earlier ones, so that what was equal is one object again; behind it stand the contents of arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

_ATOMS = (int, str, bool, type(None))
_MAPPINGS = (dict, MappingProxyType)


class NotPackable(TypeError):
    """A part of the value is of a type that has no form here."""


class Packer:
    """Packs values whose classes are ``classes``: named tuples, and dataclasses whose fields are
    all arguments. ``names`` are classes that may be parts themselves, such as exceptions."""

    def __init__(self, classes: Iterable[type], names: Iterable[type] = ()) -> None:
        self._classes = {c.__name__: c for c in classes}
        self._fields = {c: _fields_of(c) for c in self._classes.values()}
        self._names = {c.__name__: c for c in names}

    def pack(self, value: Any) -> bytes:
        """The value as bytes; equal values give equal bytes. Raises NotPackable."""
        table = _Table(self._fields, self._names)
        last = table.add(value)
        text = json.dumps([table.rows, last], separators=(",", ":")).encode()
        return b"".join((len(text).to_bytes(8, "little"), text, *table.contents))

    def unpack(self, data: bytes) -> Any:
        """The value that ``pack`` was given. Raises ValueError for anything else."""
        try:
            start = 8 + int.from_bytes(data[:8], "little")
            rows, last = json.loads(data[8:start])
            return self._values(rows, memoryview(data)[start:])[last]
        except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as problem:
            raise ValueError(f"no packed value: {problem}") from problem

    def _values(self, rows: list[Any], contents: memoryview) -> list[Any]:
        found: list[Any] = []
        for row in rows:
            if type(row) is not list:
                found.append(row)
                continue
            word, *rest = row
            if word == "tuple":
                found.append(tuple([found[k] for k in rest]))
            elif word in self._classes:
                found.append(self._classes[word](*[found[k] for k in rest]))
            else:
                found.append(self._other(word, rest, found, contents))
        return found

    def _other(self, word: str, rest: list[Any], found: list[Any], contents: memoryview) -> Any:
        if word == "name":
            return self._names[rest[0]]
        if word == "mapping":
            parts = [found[k] for k in rest]
            return dict(zip(parts[::2], parts[1::2], strict=True))
        if word in ("float", "complex"):
            return np.frombuffer(bytes.fromhex(rest[0]), word, 1)[0].item()
        if word == "scalar":
            return np.frombuffer(bytes.fromhex(rest[1]), rest[0], 1)[0]
        if word == "array":
            dtype, shape, start, size = rest
            array = np.frombuffer(contents[start : start + size], dtype).reshape(shape).copy()
            array.flags.writeable = False
            return array
        raise ValueError(f"{word!r} is not known here")


class _Table:
    """The rows under construction."""

    def __init__(self, fields: Mapping[type, Any], names: Mapping[str, type]) -> None:
        self.rows: list[Any] = []
        self.contents: list[bytes] = []
        self._size = 0
        self._known: dict[Any, int] = {}
        self._fields = fields
        self._names = names

    def add(self, value: Any) -> int:
        """The row of a value."""
        kind = type(value)
        if kind in _ATOMS:
            return self._row((kind, value), value)
        if kind is tuple:
            return self._parts("tuple", value)
        fields = self._fields.get(kind)
        if fields is not None:
            return self._parts(kind.__name__, fields(value))
        if kind in _MAPPINGS:
            return self._parts("mapping", [part for item in value.items() for part in item])
        row = self._other(kind, value)
        return self._row(tuple(map(str, row)), row)

    def _other(self, kind: type, value: Any) -> list[Any]:
        if kind in (float, complex):
            return [kind.__name__, np.array(value).tobytes().hex()]
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            return ["scalar", value.dtype.str, value.tobytes().hex()]
        if kind is np.ndarray and value.dtype.kind in "biufc":
            data = value.tobytes()
            row = ["array", value.dtype.str, list(value.shape), self._size, len(data)]
            self.contents.append(data)
            self._size += len(data)
            return row
        if isinstance(value, type) and self._names.get(value.__name__) is value:
            return ["name", value.__name__]
        raise NotPackable(f"{kind.__name__} {value!r:.60}")

    def _parts(self, word: str, parts: Iterable[Any]) -> int:
        rows = [self.add(part) for part in parts]
        return self._row((word, *rows), [word, *rows])

    def _row(self, key: Any, row: Any) -> int:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.rows)
            self.rows.append(row)
        return found


def _fields_of(kind: type) -> Callable[[Any], Iterable[Any]]:
    """What gives the parts of a value of a class, in the order in which the class takes them."""
    if issubclass(kind, tuple):
        return tuple
    names = tuple(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    return lambda value: [getattr(value, name) for name in names]
