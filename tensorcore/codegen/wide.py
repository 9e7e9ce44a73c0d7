"""Accesses of 16 bytes, and rows that are read from memory once.

A work-item takes neighbours, as many as 16 bytes hold, reads them into registers and computes them
one after the other. Where they lie at an address that is no multiple of what is read, or where a
row ends among them, they are read one by one; which work-item takes which entries is the same, so
no bit of a result depends on addresses. What several stages read of a row, and rows of a group's
own, stay in memory of the group where they fit: each member finds there what it put there itself,
so nobody waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..dtypes import DTYPES
from ..program import Access, Kernel, Load, Size, Slot, Stage, Store
from .dialect import Dialect
from .parts import work
from .turning import Turning

#: Bytes of an access, entries of it at most, and scalar operations for all of them at most: beyond
#: that a kernel is not limited by memory.
_BYTES, _MOST, _WORK = 16, 8, 256
#: Bytes of the rows that a group keeps.
_ROOM = 16384
_BLOCK = 32
#: Entries of a running total that a work-item takes where none lie next to each other.
_RUNNING = 4


class Wide(Turning):
    """Prints loops in which a work-item takes several neighbours at a time."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        self._entries = self._width()
        #: The rows that the group keeps: by what they are, their number.
        self._rows: dict[Access, int] = {}
        #: Those that a stage so far has filled, and those that the present one does.
        self._filled: set[Access] = set()
        self._filling: list[Access] = []
        #: By value, and by store, the registers that hold neighbours.
        self._vectors_of: dict[int, str] = {}
        self._vector_stores: dict[Store, str] = {}

    # -- what is wide -------------------------------------------------------------------

    def _width(self) -> int:
        """Neighbours that a work-item takes."""
        stages = [stage for stage in self.kernel.stages if self._may_be_wide(stage)]
        whole = not any(stage.inner for stage in self.kernel.stages)
        if not stages or (whole and len(stages) < len(self.kernel.stages)):
            return 1
        sizes = [self._bytes(a) for stage in stages for a in stage.accesses() if self._next(a)]
        if not sizes:
            return _RUNNING if any(map(self._is_running, stages)) else 1
        entries = min(_BYTES // max(sizes), _MOST)
        while entries > 1 and max(map(work, stages)) * entries > _WORK:
            entries //= 2
        return entries

    def _may_be_wide(self, stage: Stage) -> bool:
        """Whether points of a stage may be taken several at a time, by members of a group or by
        work-items."""
        if not self.items.aligned or self.items.group == 1 or self.kernel.leaves:
            return False
        if any(a.combine in ("argmax", "argmin") for a in stage.accumulates):
            return False
        carries = any(a.combine == "carry" for a in stage.accumulates)
        if carries and not self._is_running(stage):
            return False
        if any(store.combine or store.access.gathered for store in stage.stores):
            return self._is_running(stage)
        if any(load.access.slot in self._written() for load in stage.all_loads()):
            return False
        return len(stage.inner) == 1 or not (stage.inner or not self.kernel.axes)

    def _is_running(self, stage: Stage) -> bool:
        """Whether it carries a running total that is shared out."""
        return False

    def _written(self) -> set[int]:
        """The slots that a stage writes and not only for itself."""
        stores = {s.access.slot for stage in self.kernel.stages for s in stage.stores}
        return stores - set(self.kernel.scratch)

    def _next(self, access: Access) -> bool:
        """Whether neighbours along the last axis lie next to each other, in registers' reach."""
        reads_buffers_only = self.dialect.loads.get(self.slots[access.slot].dtype, "")
        return (
            bool(access.strides)
            and self._is_one(access.strides[-1])
            and not access.gathered
            and not reads_buffers_only.startswith("vload")
        )

    def _bytes(self, access: Access) -> int:
        return DTYPES[self.slots[access.slot].dtype].itemsize

    # -- rows that the group keeps ------------------------------------------------------

    def _keep_rows(self) -> None:
        """Choose what stays in the group's memory: what more than one stage reads, and scratch."""
        seen: list[Access] = []
        for stage in self.kernel.stages:
            if self._is_wide(stage):
                accesses = [load.access for load in stage.loads]
                accesses += [s.access for s in stage.stores if s.access.slot in self.kernel.scratch]
                seen += [a for a in dict.fromkeys(accesses) if self._next(a)]
        twice = [a for a in dict.fromkeys(seen) if seen.count(a) > 1]
        lengths = {stage.inner for stage in self.kernel.stages if self._is_wide(stage)}
        if len(lengths) != 1 or not twice:
            return
        kept = [a for a in twice if a.slot not in self.kernel.scratch or self._only_so(a)]
        if sum(map(self._bytes, kept)) * self._entries * self.items.group <= _ROOM:
            self._rows = {access: number for number, access in enumerate(kept)}

    def _only_so(self, access: Access) -> bool:
        """Whether a row of the group's own is accessed in this way alone, in wide loops."""
        return all(
            other.slot != access.slot or (other == access and self._is_wide(stage))
            for stage in self.kernel.stages
            for other in stage.accesses()
        )

    def _fits(self, length: str) -> str:
        """Whether a row of this length stays in the group's memory."""
        sizes = sum(map(self._bytes, self._rows))
        each = self._entries * self.items.group
        return f"{length} <= {_ROOM // sizes // each * self._entries} * team"

    # -- loops --------------------------------------------------------------------------

    def _is_wide(self, stage: Stage) -> bool:
        """Whether the members of a group take several entries of a row at a time."""
        return (
            self._together
            and self._entries > 1
            and self._lanes == 1
            and len(stage.inner) == 1
            and self._may_be_wide(stage)
            and any(map(self._next, stage.accesses()))
        )

    def _innermost(
        self, stage: Stage, outer: Sequence[str], inner: list[str], start: str, length: str
    ) -> None:
        if not self._is_wide(stage):
            super()._innermost(stage, outer, inner, start, length)
            return
        first = "first + " if start.startswith("first") else ""
        begin = f"{first}{self._entries} * {self._place_in_row()}"
        sums = [a for a in stage.accumulates if self._pairwise(a)]
        index = [*outer, *inner]
        if not sums:
            self._neighbours(stage, index, begin, length)
            return
        block, ctype, kept, on = self._sharing(_BLOCK), self.dialect.indices, "", ""
        if self._rows:
            kept = f", kept = {self.items.member}"
            on = f", kept += {_BLOCK // self._entries * self.items.group}"
        self._line(f"for ({ctype} b = {begin}{kept}; b < {length}; b += {block}{on}) {{")
        self._depth += 1
        self._line(f"const {ctype} past = b + {block} < {length} ? b + {block} : {length};")
        for a in sums:
            self._line(f"{self._type(a.dtype)} s{a.value} = {self.start(a)};")
        self._neighbours(stage, index, "b", length, "past")
        for a in sums:
            self._leaf(a)
        self._close()

    def _neighbours(
        self, stage: Stage, index: list[str], begin: str, length: str, past: str = ""
    ) -> None:
        """The loop in which a member takes neighbours of a row, and where it keeps them."""
        here, at, on = f"{index[-1]}w", "", ""
        if self._rows:
            at = f", at = {'kept' if past else self.items.member}"
            on = f", at += {self.items.group}"
        head = f"{here} = {begin}{at}; {here} < {past or length}; "
        self._line(
            f"for ({self.dialect.indices} {head}{here} += {self._sharing(self._entries)}{on}) {{"
        )
        self._depth += 1
        self._several([stage], index, here, length)
        self._close()
        self._filled.update(self._filling)

    def _several(self, stages: Sequence[Stage], index: list[str], here: str, length: str) -> None:
        """Read neighbours from ``here`` on, compute them one by one, and write them."""
        self._line(f"const int whole = {here} + {self._entries} <= {length};")
        with (
            self._in_registers(stages, [*index[:-1], here], here, length),
            self._one_by_one(index, length),
        ):
            for stage in stages:
                self._body(stage, index)

    @contextmanager
    def _one_by_one(self, index: Sequence[str], length: str) -> Iterator[None]:
        """The loop over neighbours in registers, each of which is a point."""
        here = index[-1]
        if self.items.unroll:
            self._line(self.items.unroll)
        self._line(f"for (int e = 0; e < {self._entries}; e++) {{")
        self._depth += 1
        self._line(f"const {self.dialect.indices} {here} = {here}w + e;")
        self._line(f"if (!whole && {here} >= {length}) continue;")
        yield
        self._close()

    @contextmanager
    def _in_registers(
        self, stages: Sequence[Stage], index: list[str], here: str, length: str
    ) -> Iterator[None]:
        """What is read before, and written after, the lines that are printed meanwhile."""
        loads = [load for s in stages for load in s.loads if self._next(load.access)]
        stores = [s for stage in stages for s in stage.stores if self._next(s.access)]
        stores = [store for store in stores if store.where is None]
        for load in loads:
            self._fetch(load, index, here, length)
            self._vectors_of[load.value] = f"x{load.value}.e"
        for number, store in enumerate(stores):
            self._line(f"{self._vector(store.access)} y{number};")
            self._vector_stores[store] = f"y{number}.e"
        yield
        for number, store in enumerate(stores):
            self._put(store.access, f"y{number}", index, here, length)
        self._vectors_of, self._vector_stores = {}, {}

    def _fetch(self, load: Load, index: list[str], here: str, length: str) -> None:
        """Neighbours into registers: from the group's memory, by one access, or one by one."""
        name, access = f"x{load.value}", load.access
        self._line(f"{self._vector(access)} {name};")
        row, filled = self._row(access), access in self._rows and access in self._filled
        if row and filled:
            self._line(f"if ({self._fits(length)}) {name} = {row}[at]; else")
        _, pointer, place = self._at(access, index)
        self._moved(access, f"{pointer} + ({place})", f"{name} = {{0}};",
                    f"{name}.e[e] = {pointer}[({place}) + e];", here, length)  # fmt: skip
        if row and not filled:
            self._line(f"if ({self._fits(length)}) {row}[at] = {name};")
            self._filling.append(access)

    def _put(self, access: Access, name: str, index: list[str], here: str, length: str) -> None:
        """Neighbours from registers to where they belong."""
        row = self._row(access)
        if row:
            self._line(f"if ({self._fits(length)}) {row}[at] = {name}; else")
            self._filling.append(access)
        elif self._in_teams:
            self._line("if (inside)")
        _, pointer, place = self._at(access, index, True)
        self._moved(access, f"{pointer} + ({place})", f"{{0}} = {name};",
                    f"{pointer}[({place}) + e] = {name}.e[e];", here, length)  # fmt: skip

    def _moved(
        self, access: Access, address: str, at_once: str, one: str, here: str, length: str
    ) -> None:
        """The statement that moves neighbours at once where their address allows it."""
        mask = self._entries * self._bytes(access) - 1
        place = f"*({self.dialect.space}{self._vector(access)} *)({address})"
        test = f"whole && ((u64)({address}) & {mask}) == 0"
        self._line(f"if ({test}) {at_once.format(place)}")
        self._line("else {")
        self._depth += 1
        if self.items.unroll:
            self._line(self.items.unroll)
        self._line(f"for (int e = 0; e < {self._entries}; e++) if ({here} + e < {length}) {one}")
        self._close()

    def _vector(self, access: Access) -> str:
        """The type of neighbours in registers, declared at the head of the function."""
        word, entries = DTYPES[self.slots[access.slot].dtype].c, self._entries
        name = f"{word}x{entries}"
        aligned = self.items.aligned.format(entries * self._bytes(access))
        line = f"  typedef struct {aligned} {{ {word} e[{entries}]; }} {name};"
        if line not in self._local:
            self._local.insert(0, line)
        return name

    def _row(self, access: Access) -> str:
        """The row of the group's memory for an access; empty where it has none."""
        if access not in self._rows:
            return ""
        name = f"row{self._rows[access]}"
        sizes = sum(map(self._bytes, self._rows))
        each = self._entries * self.items.group
        count = _ROOM // sizes // each * each // self._entries
        line = f"  {self.items.local}{self._vector(access)} {name}[{count}];"
        if line not in self._local:
            self._local.append(line)
        return name

    def _read(self, load: Load, index: Sequence[str]) -> str:
        vector = self._vectors_of.get(load.value)
        if vector is None:
            return super()._read(load, index)
        return self.dialect.load(self.slots[load.access.slot].dtype, vector, "e")

    def _write(self, store: Store, index: Sequence[str]) -> str:
        vector = self._vector_stores.get(store)
        if vector is None:
            return super()._write(store, index)
        dtype = self.slots[store.access.slot].dtype
        return self.dialect.store(dtype, vector, "e", self._names[store.value])
