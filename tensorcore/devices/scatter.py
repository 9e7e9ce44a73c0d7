"""The step that writes or adds values at computed places."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..codegen.places import Places, places
from ..errors import OutOfRange
from ..ops import OPS
from ..ops.indexing import OUTSIDE
from ..program import Call, Failure, Program
from .frame import Frame
from .machine import Array
from .sharing import Sorter


def functions_of(step: Call, program: Program, dialect: Any) -> Places:
    """The functions of a step."""
    base, value, *indices = (program.slots[slot] for slot in step.inputs)
    code = OPS[step.op].c
    rank = len(indices[0].shape)
    entries = len(value.shape) - rank
    return places(base.dtype, str(code or ""), len(indices), rank, entries, dialect)


def _strides(shape: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """How far neighbours lie apart in a buffer of this shape, stretched to these lengths."""
    steps = [prod(shape[k + 1 :]) for k in range(len(shape))]
    return [
        0 if size == 1 and wanted != 1 else step
        for size, wanted, step in zip(shape, lengths, steps, strict=True)
    ]


class ScatterStep:
    """A copy of the base; then keys, their order, and what belongs to each place."""

    waits, crosses = False, ""

    def __init__(self, step: Call, program: Program, making: Any) -> None:
        self.step = step
        self.form = functions_of(step, program, making.dialect)
        self.share = making.share(self.form.chunked)
        built = making.built
        self.keys = built.entry(self.form.keys)
        way = "atomic" if self.form.atomic else "sorted"
        self.write = built.entry(f"{self.form.name}_{way}")
        self.sorter = None if self.form.atomic else Sorter("int64", making)
        self.failure = len(making.failures)
        made = "".join(f"\n  made at {origin}" for origin in step.origins)
        made = made.replace("{", "{{").replace("}", "}}")
        title = step.title or OPS[step.op].title
        named = step.attrs.get("named") or range(len(step.inputs) - 2)
        making.failures.extend(
            Failure(f"{title}: {OUTSIDE.format(axis=axis)}.{made}", OutOfRange) for axis in named
        )

    def run(self, frame: Frame) -> None:
        """See ``steps.RunningStep``."""
        base, value, *indices = (frame.made(slot) for slot in self.step.inputs)
        result = frame.made(self.step.outputs[0])
        if result.nbytes and result.buffer is not base.buffer:
            frame.memory.move(result.buffer, 0, base.buffer, 0, result.nbytes)
        rank = len(indices[0].shape)
        over = [max(sizes) if 0 not in sizes else 0
                for sizes in zip(*(i.shape for i in indices), strict=True)]  # fmt: skip
        count, entries = prod(over), list(base.shape[len(indices) :])
        if not count:
            return
        keys = frame.memory.empty((count,), np.dtype(np.int64))
        self._keys(frame, base, indices, over, keys)
        if not prod(entries):
            return
        lengths = [*over[1:], *entries[1:]]
        strides = _strides(value.shape, [*over, *entries])
        numbers = [count, prod(entries), *lengths, *strides[:rank], *strides[rank:], 0]
        buffers = [frame.error.buffer, keys.buffer] if frame.error else []
        if self.sorter:
            order = frame.memory.empty((count,), np.dtype(np.int64))
            self.sorter.sort(keys, order, frame.memory.empty((count,), np.dtype(np.int64)))
            buffers.append(order.buffer)
        buffers += [value.buffer, result.buffer]
        self.share(self.write, buffers, numbers, count * prod(entries), 40)

    def _keys(
        self, frame: Frame, base: Array, indices: Sequence[Array], over: list[int], keys: Array
    ) -> None:
        assert frame.error is not None
        sizes = list(base.shape[: len(indices)])
        strides = [step for index in indices for step in _strides(index.shape, over)]
        buffers = [frame.error.buffer, *(index.buffer for index in indices), keys.buffer]
        numbers = [self.failure, *over, *sizes, *strides]
        self.share(self.keys, buffers, numbers, keys.shape[0], 20)
