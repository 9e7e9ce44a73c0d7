"""Reductions along an axis that memory strides over: many columns side by side.

Summing the columns of a C-contiguous matrix one by one touches a cache line per element. Here
a strip of columns is walked row by row, with one accumulator per column, so that memory is read
in order and the inner loop is over neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dtypes import kind
from ..program import Accumulate, Kernel, Size, Slot, Stage
from .dialect import Dialect
from .render import KernelPrinter, KernelText, start_value

#: Columns in a strip: a row of them is long enough to be read at full speed, and their
#: accumulators stay in the first-level cache.
_STRIP = 512
#: Rows that are added plainly before they become a leaf of the pairwise sum.
_ROWS = 128
#: Levels of the pairwise sum: enough for 2**31 rows where the rows of a leaf are many.
_DEPTH = 24
#: Accumulators per kernel, as each takes up to 100 KiB of stack.
_MOST = 8
_COMBINES = frozenset({"sum", "prod", "max", "min", "any", "all"})


def print_kernel(
    kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
) -> KernelText:
    """The kernel's text, in strips of columns where that reads memory in order."""
    if _by_columns(kernel, sizes):
        return ColumnPrinter(kernel, slots, sizes, dialect).print()
    return KernelPrinter(kernel, slots, sizes, dialect).print()


def _by_columns(kernel: Kernel, sizes: Sequence[Size]) -> bool:
    """Whether the first stage reduces across, and the rest only finishes each column."""
    first, *rest = kernel.stages
    if not kernel.axes or not first.inner or first.stores or any(s.inner for s in rest):
        return False
    if not 0 < len(first.accumulates) <= _MOST:
        return False
    if any(a.combine not in _COMBINES or kind(a.dtype) == "c" for a in first.accumulates):
        return False
    last = len(kernel.axes) - 1

    def is_one(size: int) -> bool:
        return sizes[size] == Size("const", (1,))

    along = [load.access.strides for load in first.all_loads()]
    return any(is_one(s[last]) for s in along) and not any(is_one(s[-1]) for s in along)


class ColumnPrinter(KernelPrinter):
    """Prints a kernel that reduces columns, strip by strip."""

    def print(self) -> KernelText:
        """The text of the whole kernel."""
        rank = len(self.kernel.axes)
        index = [f"i{k}" for k in range(rank)]
        width = self._size(self.kernel.axes[-1])
        for k in range(rank - 1):
            self._loop(index[k], self._size(self.kernel.axes[k]), "")
        self._line(f"for (i64 b = 0; b < {width}; b += {_STRIP}) {{")
        self._depth += 1
        self._line(f"const i64 w = b + {_STRIP} < {width} ? {_STRIP} : {width} - b;")
        first, *rest = self.kernel.stages
        self._reduce(first, index)
        self._columns(index[-1], "")
        for a in first.accumulates:
            found = self._rounded(a.dtype, f"a{a.value}[l]")
            self._line(f"const {self._type(a.dtype)} v{a.value} = {found};")
        for stage in rest:
            self._body(stage, index)
        for _ in range(rank + 1):
            self._close()
        self.text.body = "\n".join(self._lines)
        return self.text

    def _columns(self, index: str, pragma: str) -> None:
        self._loop("l", "w", pragma)
        self._line(f"const i64 {index} = b + l;")

    def _each(self, text: str) -> None:
        self._line(f"for (i64 l = 0; l < w; l++) {{ {text} }}")

    def _reduce(self, stage: Stage, outer: list[str]) -> None:
        rank = len(stage.inner)
        inner = [f"j{k}" for k in range(rank)]
        sums = [a for a in stage.accumulates if self._pairwise(a)]
        for a in stage.accumulates:
            self._open(a)
        for k in range(rank - 1):
            self._loop(inner[k], self._size(stage.inner[k]), "")
        length = self._size(stage.inner[-1])
        self._line(f"for (i64 r = 0; r < {length}; r += {_ROWS}) {{")
        self._depth += 1
        self._line(f"const i64 e = r + {_ROWS} < {length} ? r + {_ROWS} : {length};")
        for a in sums:
            self._each(f"s{a.value}[l] = 0;")
        self._loop(inner[-1], "e", "", start="r")
        index = [*outer, *inner]
        self._place(stage, index, [*outer[:-1], *inner])
        self._columns(outer[-1], "" if self._jumps(stage, index, outer[-1]) else self._simd([]))
        self._body(stage, [*outer, *inner])
        self._close()
        self._close()
        for a in sums:
            v = a.value
            # Short rows make more leaves than there are levels: then the last two become one.
            carry = f"(m & 1 && d{v}) || d{v} == {_DEPTH}"
            self._line(f"for (u64 m = c{v}++; {carry}; m >>= 1) {{ d{v}--;")
            self._each(f"s{v}[l] = t{v}[d{v}][l] + s{v}[l];")
            self._line("}")
            self._each(f"t{v}[d{v}][l] = s{v}[l];")
            self._line(f"d{v}++;")
        self._close()
        for _ in range(rank - 1):
            self._close()
        for a in stage.accumulates:
            self._end(a)

    def _open(self, a: Accumulate) -> None:
        v, ctype = a.value, self._type(a.dtype)
        self._names[v] = f"v{v}"
        self._line(f"{ctype} a{v}[{_STRIP}];")
        self._each(f"a{v}[l] = {start_value(a)};")
        if self._pairwise(a):
            self._line(
                f"{ctype} s{v}[{_STRIP}], t{v}[{_DEPTH}][{_STRIP}]; i64 d{v} = 0; u64 c{v} = 0;"
            )
        elif a.combine in ("max", "min"):
            self._line(f"u8 q{v}[{_STRIP}]; for (i64 l = 0; l < w; l++) q{v}[l] = 0;")

    def _combine(self, a: Accumulate) -> str:
        v, x = a.value, self._names[a.source]
        if self._pairwise(a):
            return f"s{v}[l] += {x};"
        if a.combine in ("max", "min"):
            sign = ">" if a.combine == "max" else "<"
            return f"a{v}[l] = {x} {sign} a{v}[l] ? {x} : a{v}[l]; q{v}[l] |= {x} != {x};"
        sign = {"sum": "+", "prod": "*", "any": "|", "all": "&"}[a.combine]
        return f"a{v}[l] {sign}= {x};"

    def _end(self, a: Accumulate) -> None:
        v = a.value
        if self._pairwise(a):
            self._line(f"while (d{v}) {{ d{v}--;")
            self._each(f"a{v}[l] = t{v}[d{v}][l] + a{v}[l];")
            self._line("}")
        elif a.combine in ("max", "min") and kind(a.dtype) == "f":
            self._each(f"if (q{v}[l]) a{v}[l] = (a{v}[l] - a{v}[l]) / 0;")
