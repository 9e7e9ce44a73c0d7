"""Reads across memory, as of a transpose, by way of tiles in memory of the group.

Neighbouring work-items compute neighbours along the last axis, which is how results are written. An
operand whose neighbours lie along another axis would be read an entry from each line of memory. So
a group takes a square of points, reads such operands along their own axis into a tile, and takes
the entries from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..program import Kernel, Load, Size, Slot
from .dialect import Dialect
from .meeting import LANES, Meeting


class Turning(Meeting):
    """Prints the loop over points square by square."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        #: By value, the text of an entry in its tile, while points are computed.
        self._tiles: dict[int, str] = {}

    def _turned(self) -> tuple[int, tuple[Load, ...]]:
        """The axis along which operands lie that the last axis strides over, and their loads; no
        loads where points are better taken one after the other."""
        kernel, last = self.kernel, len(self.kernel.axes) - 1
        if last < 1 or self.items.group % LANES or kernel.scratch or kernel.leaves:
            return 0, ()
        if any(stage.inner for stage in kernel.stages):
            return 0, ()
        accesses = [access for stage in kernel.stages for access in stage.accesses()]
        if not any(self._is_one(access.strides[last]) for access in accesses):
            return 0, ()
        loads = [load for stage in kernel.stages for load in stage.loads]
        for axis in reversed(range(last)):
            found = tuple(
                load
                for load in loads
                if self._is_one(load.access.strides[axis])
                and self.table[load.access.strides[last]].kind != "const"
                and not load.access.gathered
            )
            if found:
                return axis, found
        return 0, ()

    def _is_one(self, size: int) -> bool:
        return self.table[size] == Size("const", (1,))

    def _squares(self, axis: int, loads: tuple[Load, ...]) -> None:
        """The loop over squares of points along ``axis`` and the last one."""
        axes = [self._size(size) for size in self.kernel.axes]
        last, items = len(axes) - 1, self.items
        others = [k for k in range(last) if k != axis]
        self._line(f"const {self.dialect.indices} across = ({axes[last]} + {LANES - 1}) / {LANES};")
        self._line(f"const {self.dialect.indices} down = ({axes[axis]} + {LANES - 1}) / {LANES};")
        count = " * ".join(["across", "down", *(axes[k] for k in others)])
        self._line(f"const {self.dialect.indices} count = {count};")
        loop = f"square = {items.group_item}; square < count; square += {items.groups}"
        self._line(f"for ({self.dialect.indices} {loop}) {{")
        self._depth += 1
        split = f"left = square % across * {LANES}, upper = square / across"
        self._line(f"const {self.dialect.indices} {split};")
        self._line(f"const {self.dialect.indices} top = upper % down * {LANES};")
        rest = "upper / down"
        for k in reversed(others):
            split = f"i{k} = ({rest}) % {axes[k]}, rest{k} = ({rest}) / {axes[k]}"
            self._line(f"const {self.dialect.indices} {split};")
            rest = f"rest{k}"
        index = [f"i{k}" for k in range(last + 1)]
        self._over_square(axis, last, f"top + {self._in_warp()}", "left + h")
        for load in loads:
            name = f"x{load.value}"
            ctype = self._type(load.dtype)
            self._local.append(f"  {items.local}{ctype} {name}[{LANES}][{LANES + 1}];")
            self._line(f"{name}[h][{self._in_warp()}] = {self._read(load, index)};")
            self._tiles[load.value] = f"{name}[{self._in_warp()}][h]"
        self._close()
        self._line(items.barrier)
        self._over_square(axis, last, "top + h", f"left + {self._in_warp()}")
        for stage in self.kernel.stages:
            self._stage(stage, index)
        self._close()
        self._line(items.barrier)
        self._tiles = {}
        self._close()

    def _in_warp(self) -> str:
        return f"({self.items.member} % {LANES})"

    def _over_square(self, axis: int, last: int, down: str, across: str) -> None:
        """The head of the loop in which each member takes points of the square that exist."""
        items, axes = self.items, [self._size(size) for size in self.kernel.axes]
        step = items.group // LANES
        self._line(f"for (int h = {items.member} / {LANES}; h < {LANES}; h += {step}) {{")
        self._depth += 1
        self._line(f"const {self.dialect.indices} i{axis} = {down}, i{last} = {across};")
        self._line(f"if (i{axis} >= {axes[axis]} || i{last} >= {axes[last]}) continue;")

    def _read(self, load: Load, index: Sequence[str]) -> str:
        return self._tiles.get(load.value) or super()._read(load, index)
