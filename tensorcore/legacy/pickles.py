"""``theano.misc.pkl_utils`` and ``cPickle``: pickles of expressions, functions and values."""

from __future__ import annotations

import pickle
from pickle import HIGHEST_PROTOCOL, PicklingError, UnpicklingError
from typing import Any

__all__ = [
    "CompatUnpickler", "HIGHEST_PROTOCOL", "Pickler", "PicklingError", "StripPickler",
    "Unpickler", "UnpicklingError", "cPickle", "dump", "dumps", "load", "loads",
]  # fmt: skip

cPickle = pickle
Pickler = StripPickler = pickle.Pickler
Unpickler = CompatUnpickler = pickle.Unpickler


def dump(obj: Any, file: Any, protocol: int | None = None, **options: Any) -> None:
    """Write an object to a file opened for bytes, with ``pickle``."""
    pickle.dump(obj, file, protocol)


def dumps(obj: Any, protocol: int | None = None) -> bytes:
    """An object as bytes, with ``pickle``."""
    return pickle.dumps(obj, protocol)


def load(file: Any, *rest: Any, **options: Any) -> Any:
    """What ``dump`` wrote. Unpickling runs code that the file names: open only your own."""
    return pickle.load(file)


def loads(data: bytes, **options: Any) -> Any:
    """What ``dumps`` gave."""
    return pickle.loads(data)
