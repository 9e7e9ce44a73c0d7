"""Merge neighbouring axes that every access walks alike, so that loops get long."""

from __future__ import annotations

from ..program import Access, Instr, Kernel, Load, SizeId, Stage
from .sizes import SizeTable


def merge_axes(kernel: Kernel, sizes: SizeTable) -> Kernel:
    """The kernel with as few axes as its accesses allow; loop indices that are read stay."""
    parallel = list(range(len(kernel.axes)))
    k = len(parallel) - 2
    while k >= 0:
        if _mergeable(kernel, k, sizes):
            kernel = _merge_parallel(kernel, k, sizes)
        k -= 1
    rank = len(kernel.axes)
    return kernel._replace(stages=tuple(_merge_inner(s, rank, sizes) for s in kernel.stages))


def _alike(access: Access, k: int, length: SizeId, sizes: SizeTable) -> bool:
    """Whether a step along axis k equals walking the whole of axis k + 1."""
    outer, inner = access.strides[k], access.strides[k + 1]
    return sizes.find(outer) == sizes.mul(inner, length)


def _reads_an_index(stage: Stage) -> bool:
    return any(isinstance(i, Instr) and i.op == "index" for i in stage.body)


def _mergeable(kernel: Kernel, k: int, sizes: SizeTable) -> bool:
    for stage in kernel.stages:
        # Reading an index of any axis pins the numbering of them all.
        if _reads_an_index(stage):
            return False
        if not all(_alike(a, k, kernel.axes[k + 1], sizes) for a in stage.accesses()):
            return False
    return True


def _without(access: Access, k: int) -> Access:
    return access._replace(strides=access.strides[:k] + access.strides[k + 1 :])


def _drop(stage: Stage, k: int) -> Stage:
    return stage._replace(
        loads=tuple(load._replace(access=_without(load.access, k)) for load in stage.loads),
        body=tuple(
            entry._replace(access=_without(entry.access, k)) if isinstance(entry, Load) else entry
            for entry in stage.body
        ),
        stores=tuple(store._replace(access=_without(store.access, k)) for store in stage.stores),
    )


def _merge_parallel(kernel: Kernel, k: int, sizes: SizeTable) -> Kernel:
    length = sizes.mul(kernel.axes[k], kernel.axes[k + 1])
    axes = kernel.axes[:k] + (length,) + kernel.axes[k + 2 :]
    return kernel._replace(axes=axes, stages=tuple(_drop(s, k) for s in kernel.stages))


def _merge_inner(stage: Stage, outer: int, sizes: SizeTable) -> Stage:
    k = len(stage.inner) - 2
    while k >= 0:
        fixed = _reads_an_index(stage)
        length = stage.inner[k + 1]
        if not fixed and all(_alike(a, outer + k, length, sizes) for a in stage.accesses()):
            merged = sizes.mul(stage.inner[k], length)
            inner = stage.inner[:k] + (merged,) + stage.inner[k + 2 :]
            stage = _drop(stage, outer + k)._replace(inner=inner)
        k -= 1
    return stage
