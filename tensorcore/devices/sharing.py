"""How points are shared out among work-items, and functions that are launched so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..codegen.cutting import MOST_LEFT
from ..codegen.meeting import LANES
from ..codegen.order import RUN, order
from ..codegen.render import Launch
from .frame import Plan
from .machine import Array, Device, Entry

#: Scalar operations that are worth a work-item of a processor, and how many of these each of its
#: cores is given at most.
_WORTH = 40_000
_ITEMS_PER_UNIT = 16
#: Groups per unit of other devices; the points beyond them they take in turn.
GROUPS_PER_UNIT = 32
#: Up to so many times what a member should have of a row, 32 take it, and no whole group.
_PER_LANE = 4
#: Where fewer groups have rows they are cut, into pieces with no fewer entries than this.
_GROUPS, _PIECE = 2048, 4096


def spread(launch: Launch, plan: Plan, device: Device, group: int) -> tuple[int, int]:
    """How many work-items, or groups of them, and the chunk that each takes; of teams how many
    members each has, and where rows are cut above 32 bits into how many pieces."""
    if launch.way == "one":
        return 1, 1
    cuts = cuts_of(launch.whole or launch, plan, group) if launch.cut else 1
    if launch.cut and (launch.cut == "whole") != (cuts == 1):
        return 0, 1
    if launch.way == "teams" or launch.cut == "part":
        team = team_of(launch, plan, group) if launch.way == "teams" else 1
        count = -(-plan.product(launch.points) // _points_of_group(launch, team, group)) * cuts
        return min(count, device.units * GROUPS_PER_UNIT), _with_cuts(team, cuts)
    count = launch.limit or -(-plan.product(launch.points) // launch.per)
    if launch.way != "chunks":
        each = group if launch.way == "items" else 1
        return min(-(-count // each), device.units * GROUPS_PER_UNIT), _with_cuts(1, cuts)
    work = sum(number * plan.product(sizes) for number, sizes in launch.cost)
    return chunks(count, work if launch.limit else work * count, device)


def team_of(launch: Launch, plan: Plan, group: int) -> int:
    """How many members share a point: a power of two, so that there is something to do for each of
    them. More than go in step, which wait for each other, are worth their while in long rows."""
    needed = 1
    for inner in launch.rows:
        points = -(-plan.product(inner) // launch.per)
        needed = max(needed, min(plan.known[inner[0]], points))
    most = min(LANES, group)
    if needed > most * _PER_LANE:
        return group
    return min(1 << (needed - 1).bit_length(), most)


def _with_cuts(chunk: int, cuts: int) -> int:
    """The argument that says both."""
    return chunk if cuts == 1 else cuts << 32 | chunk


def _points_of_group(launch: Launch, team: int, group: int) -> int:
    return group // team if launch.way == "teams" else launch.per


def cuts_of(launch: Launch, plan: Plan, group: int) -> int:
    """Into how many pieces rows are cut: enough that many groups have a piece, and no piece is
    small."""
    count = plan.product(launch.points)
    team = team_of(launch, plan, group) if launch.way == "teams" else 1
    per = _points_of_group(launch, team, group)
    (inner,) = launch.rows
    length = plan.product(inner if launch.way == "teams" else inner[:1])
    if count < 1 or length < 1:
        return 1
    groups = -(-count // per)
    return max(1, min(_GROUPS // groups, length * per // _PIECE, MOST_LEFT // count))


def chunks(count: int, work: int, device: Device) -> tuple[int, int]:
    """How many work-items of a processor share ``count`` points, and how many each takes."""
    if count <= 0:
        return 0, 1
    items = max(1, min(count, work // _WORTH, device.units * _ITEMS_PER_UNIT))
    chunk = -(-count // items)
    return -(-count // chunk), chunk


class Share:
    """Shares out the points of a function that takes buffers, then integers, then a chunk."""

    def __init__(self, device: Device, group: int, chunked: bool) -> None:
        self.device, self.group, self.chunked = device, group, chunked

    def __call__(
        self, function: Entry, buffers: Sequence[Any], numbers: list[int], count: int, cost: int
    ) -> None:
        """Launch it for ``count`` points of so many scalar operations."""
        if self.chunked:
            groups, chunk = chunks(count, count * cost, self.device)
        else:
            groups, chunk = -(-count // self.group), 1
            groups = min(groups, self.device.units * GROUPS_PER_UNIT)
        function.launch(buffers, [np.int64(n) for n in (*numbers, chunk)], groups, self.group)


class Sorter:
    """Sorts positions of entries of one dtype."""

    def __init__(self, dtype: str, making: Any) -> None:
        form = order(dtype, making.dialect)
        self.share = making.share(form.chunked)
        self.runs = making.built.entry(f"{form.name}_runs")
        self.merge = making.built.entry(f"{form.name}_merge")

    def sort(self, source: Array, result: Array, space: Array) -> None:
        """The positions along the last axis in sorted order; ``space`` is as large as they are."""
        *outer, length = source.shape
        rows = 1
        for n in outer:
            rows *= n
        if not rows * length:
            return
        passes = 0
        while RUN << passes < length:
            passes += 1
        places = [result, space] if passes % 2 == 0 else [space, result]
        x, spaces = source.buffer, [place.buffer for place in places]
        pieces = rows * -(-length // RUN)
        self.share(self.runs, [x, spaces[0]], [rows, length], pieces, 4 * RUN)
        for k in range(passes):
            buffers = [x, spaces[k % 2], spaces[(k + 1) % 2]]
            numbers = [rows, length, RUN << k]
            self.share(self.merge, buffers, numbers, rows * length, 16 * k + 80)
