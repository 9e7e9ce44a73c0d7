"""The checker of Programs, run after lowering under ``config.debug`` and in all tests."""

from __future__ import annotations

from ..graph import GraphError
from ..program import Branch, Kernel, Load, Loop, Program, Sizes, Stage, View
from .memory import is_safe, reads_and_writes


def verify(program: Program) -> None:
    """Raise GraphError unless each slot and size is defined once and before it is used, kernels
    are well formed, and buffers have known lengths and serve one slot at a time."""
    defined = set(program.bound())
    known: set[int] = set()
    length_of = {life.slot: life.elements for life in program.storage}
    for number, step in enumerate(program.steps):
        if isinstance(step, Sizes):
            for size in step.ids:
                entry = program.sizes[size]
                arithmetic = entry.kind not in ("const", "dim", "value")
                _demand(not arithmetic or set(entry.args) <= known, f"size {size} comes too early")
                known.add(size)
            continue
        reads, writes = reads_and_writes(step)
        if isinstance(step, Loop):
            _check_loop(program, step, known, number)
        if isinstance(step, Branch):
            _check_branch(step, number)
        if isinstance(step, Kernel):
            _check_kernel(step, known, number)
        else:
            _demand(reads <= defined, f"step {number} reads undefined slots {reads - defined}")
        lengths = {length_of[slot] for slot in writes if slot in length_of}
        _demand(lengths <= known, f"step {number} writes a buffer of unknown length")
        fresh = writes - reads if isinstance(step, Kernel) else writes
        _demand(not fresh & defined, f"step {number} defines slots {fresh & defined} again")
        defined |= writes
    wanted = {*program.outputs, *(c.slot for c in program.commits)}
    _demand(wanted <= defined, f"outputs {wanted - defined} are never computed")
    _check_storage(program)
    _check_commits(program)


def _demand(holds: bool, message: str) -> None:
    if not holds:
        raise GraphError(f"ill-formed program: {message}. Please report this as a bug.")


def _check_loop(program: Program, loop: Loop, known: set[int], number: int) -> None:
    verify(loop.body)
    sizes = {loop.iterations, *(size for row in loop.rows for size in (row.offset, row.stride))}
    sizes.update(size for c in loop.carried for size in program.slots[c.result].shape)
    _demand(sizes <= known, f"step {number}: a loop over unknown sizes")
    bound = [row.input for row in loop.rows] + [slot for _, slot in loop.invariants]
    bound += [slot for c in loop.carried for _, slot in c.taps]
    complete = sorted(bound) == sorted(loop.body.inputs) and not loop.body.cells
    _demand(complete, f"step {number}: the inputs of a loop's body are not bound once each")
    given = [c.output for c in loop.carried] + ([] if loop.until is None else [loop.until])
    fits = list(loop.body.outputs) == given and (loop.until is None) == (loop.done is None)
    _demand(fits, f"step {number}: a loop's outputs are not those of its body")
    _demand(
        all((c.init is None) == (not c.taps) for c in loop.carried),
        f"step {number}: initial rows that nothing reads, or none for something that reads",
    )


def _check_branch(branch: Branch, number: int) -> None:
    for body, inputs in zip(branch.bodies, branch.inputs, strict=True):
        verify(body)
        fits = len(inputs) == len(body.inputs) and len(branch.outputs) == len(body.outputs)
        _demand(fits and not body.cells, f"step {number}: a branch that its body does not fit")


def _check_kernel(kernel: Kernel, known: set[int], number: int) -> None:
    _demand(set(kernel.axes) <= known, f"step {number} has axes of unknown size")
    shared: set[int] = set()
    for stage in kernel.stages:
        local = _check_stage(kernel, stage, known, shared, number)
        shared |= {a.value for a in stage.accumulates}
        if not stage.inner:
            shared |= local


def _check_stage(
    kernel: Kernel, stage: Stage, known: set[int], shared: set[int], number: int
) -> set[int]:
    rank = len(kernel.axes) + len(stage.inner)
    _demand(set(stage.inner) <= known, f"step {number} has inner axes of unknown size")
    for access in stage.accesses():
        _demand(len(access.strides) == rank, f"step {number}: an access has the wrong rank")
        used = {access.offset, *access.strides, *(size for _, size in access.gathered)}
        _demand(used <= known, f"step {number}: an access uses an unknown size")
    local = {load.value for load in stage.loads}
    local |= {a.state for a in stage.accumulates if a.state is not None}
    for entry in stage.body:
        if isinstance(entry, Load):
            wanted, what = {value for value, _ in entry.access.gathered}, "a load"
        else:
            wanted, what = set(entry.args), entry.op
            if entry.op == "size":
                _demand(entry.number in known, f"step {number}: an unknown size")
            if entry.op == "wrap":
                size, failure = entry.number
                _demand(size in known, f"step {number}: an unknown size")
                _demand(failure < len(kernel.failures), f"step {number}: an unknown failure")
            if entry.op == "check":
                known_one = entry.number < len(kernel.failures)
                _demand(known_one, f"step {number}: an unknown failure")
        _demand(wanted <= local | shared, f"step {number}: {what} reads too early")
        local.add(entry.value)
    used = {a.source for a in stage.accumulates} | {s.value for s in stage.stores}
    used |= {value for s in stage.stores for value, _ in s.access.gathered}
    used |= {s.where for s in stage.stores if s.where is not None}
    _demand(used <= local | shared, f"step {number} stores or accumulates undefined values")
    return local


def _check_storage(program: Program) -> None:
    """Each buffer is in use at every step that reads or writes it, views included."""
    life_of = {life.slot: life for life in program.storage}
    root = list(range(len(program.slots)))
    for number, step in enumerate(program.steps):
        reads, writes = reads_and_writes(step)
        if isinstance(step, View):
            root[step.output] = root[step.source]
        for slot in reads | writes:
            life = life_of.get(root[slot])
            alive = life is None or life.first <= number <= life.last
            _demand(alive, f"step {number} uses slot {slot}, whose buffer is not alive")


def _check_commits(program: Program) -> None:
    """What is written over a cell is in the last section, after all that reads the old value and
    all that may fail."""
    start = len(program.steps) if program.commit_from is None else program.commit_from
    placed = {c.slot: program.cells[c.cell] for c in program.commits if c.in_place}
    _demand(bool(placed) == (program.commit_from is not None), "its commits have no section")
    writer: dict[int, int] = {}
    reader: dict[int, int] = {}
    for number, step in enumerate(program.steps):
        reads, writes = reads_and_writes(step)
        writer.update(dict.fromkeys(writes, number))
        reader.update(dict.fromkeys(reads, number))
        safe = number <= start or is_safe(step)
        _demand(safe, f"step {number} may fail after a cell was written")
    for slot, cell in placed.items():
        inside = writer[slot] >= start
        _demand(inside, f"slot {slot} is written over a cell before the section of commits")
        _demand(reader.get(cell, -1) <= writer[slot], f"cell {cell} is read after it was written")
