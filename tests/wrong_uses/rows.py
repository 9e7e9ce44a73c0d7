"""What a row is, and what it computes with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tensorcore.tensor as T
from tensorcore import shared


class Row(NamedTuple):
    make: Callable[[Any], Any]
    error: type[Exception]
    words: tuple[str, ...]


class Variables:
    """What the rows compute with."""

    def __init__(self) -> None:
        self.s, self.v, self.m = T.dscalar("s"), T.dvector("v"), T.dmatrix("m")
        self.t, self.z, self.i = T.dtensor3("t"), T.zvector("z"), T.ivector("i")
        self.w = shared(np.zeros(2), name="w")


def row(make: Callable[[Any], Any], error: type[Exception], *words: str) -> Row:
    return Row(make, error, words)
