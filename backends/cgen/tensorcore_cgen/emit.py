"""A Program as C text: kernels once each, and tables that say what runs on what.

A unit is a main file (sizes, tables, the loop over the steps) and, for large programs, further
files of kernels that compile in parallel. No text comes from the user.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tensorcore import config
from tensorcore.codegen.dialect import C99, c99
from tensorcore.codegen.function import C_TYPES
from tensorcore.codegen.parts import HELPERS, print_parts, work
from tensorcore.codegen.prelude import COMPLEX_TYPES, fail, needed
from tensorcore.dtypes import DTYPES
from tensorcore.program import (
    Branch,
    Call,
    Failure,
    Kernel,
    Loop,
    Program,
    Sizes,
    Step,
    View,
)

from .callplan import THRESHOLD, THRESHOLD_OF_UPDATES, CallPlan, StorageSpec
from .contract import ALONE, CONTRACT, contract_operands
from .control import HEAD, OVERFLOW, branch_text, loop_text
from .frames import Frame, constants, frames, inner, segments
from .functions import CALLS, by_file, kernel_function
from .matrices import LARGEST, matrix_helper, matrix_operands, sizes_of_matrices
from .sort import argsort_helper, argsort_operands

PRELUDE = (
    C_TYPES
    + COMPLEX_TYPES
    + """\
typedef struct Context Context;
typedef void Part(Context *, const u32 *, i64, i64);
struct Context {
  void **slot; i64 *size; const i64 *const *dims; void *const *blas;
  i64 blas_int; i64 work; i64 error[8]; i64 *times; int (*host)(i64);
  void (*split)(Context *, const u32 *, Part *, i64, f64, i64); int (*poll)(Context *);
  void *(*room)(Context *, i64); void *own, *shared; i64 threads; int (*begin)(Context *);
  Context *caller; int (*place)(Context *, i64); void (*alone)(int);
};
"""
)
_FUNCTIONS = ("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan",
              "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf",
              "erfc", "tgamma", "lgamma", "cbrt", "floor", "ceil", "trunc", "round", "rint",
              "fabs")  # fmt: skip
_PAIRS = ("pow", "fmod", "copysign", "hypot", "atan2")
PROTOTYPES = "".join(
    f"{t} {name}{s}({t});\n" for name in _FUNCTIONS for t, s in (("double", ""), ("float", "f"))
) + "".join(
    f"{t} {name}{s}({t}, {t});\n" for name in _PAIRS for t, s in (("double", ""), ("float", "f"))
)
PROTOTYPES += "double fma(double, double, double);\nfloat fmaf(float, float, float);\n"
_WALK = """\
typedef struct { void (*run)(Context *, const u32 *); u32 operands; } Step;
"""
_RUN = """\
int tc_run(Context *c, i64 segment) {
  for (u32 k = tc_first[segment]; k < tc_first[segment + 1]; k++) {
    BEGIN
    if (c->poll && c->poll(c)) return c->error[0] = 4;
    tc_steps[k].run(c, tc_operands + tc_steps[k].operands);
    if (c->error[0]) return 1;
  }
  return 0;
}
"""
#: The same, with nanoseconds and calls per step; threads add to the same numbers.
_RUN_TIMED = """\
typedef struct { i64 seconds, nanoseconds; } Moment;
int clock_gettime(int, Moment *);
static i64 tc_now(void) {
  Moment now;
#ifdef __APPLE__
  clock_gettime(6, &now);
#else
  clock_gettime(1, &now);
#endif
  return now.seconds * 1000000000 + now.nanoseconds;
}
int tc_run(Context *c, i64 segment) {
  i64 start = tc_now();
  for (u32 k = tc_first[segment]; k < tc_first[segment + 1]; k++) {
    BEGIN
    if (c->poll && c->poll(c)) return c->error[0] = 4;
    tc_steps[k].run(c, tc_operands + tc_steps[k].operands);
    if (c->error[0]) return 1;
    i64 end = tc_now();
    __atomic_fetch_add(&c->times[2 * k], end - start, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->times[2 * k + 1], 1, __ATOMIC_RELAXED);
    start = end;
  }
  return 0;
}
"""
_HOST = """\
static void tc_host(Context *c, const u32 *o) { if (c->host(o[0])) c->error[0] = 3; }
"""
_VIEW = """\
static void tc_view(Context *c, const u32 *o) { c->slot[o[0]] = c->slot[o[1]]; }
"""


class _Unit:
    """The text under construction; ``at`` is the frame whose steps are being added."""

    def __init__(self, program: Program) -> None:
        self.frames = frames(program)
        self.program = program
        self.at = self.frames[0]
        self.loops: list[str] = []
        self.functions: dict[str, str] = {}
        self.helpers: dict[str, str] = {}
        self.numbers: dict[int, int] = {}
        self.operands: list[int] = []
        self.steps: list[tuple[str, int]] = []
        self.first: list[int] = []
        self.failures: list[Failure] = []
        self.work: Counter[tuple[int, ...]] = Counter()


def emit(program: Program) -> tuple[list[str], CallPlan]:
    """The C files of a Program, the main one first, and the plan for calling it."""
    unit = _Unit(program)
    for frame in unit.frames:
        unit.at, unit.program = frame, frame.program
        for number, step in enumerate(unit.program.steps):
            _add(unit, step, number)
    unit.program = program
    unit.first.append(len(unit.steps))
    text = _files(unit)
    failures = tuple((failure.error, failure.message) for failure in unit.failures)
    return text, _plan(unit.frames)._replace(failures=failures)


def _add(unit: _Unit, step: Step, number: int) -> None:
    if isinstance(step, Sizes):
        unit.first.append(len(unit.steps))
    elif isinstance(step, Kernel):
        _kernel(unit, step)
    elif isinstance(step, View):
        unit.helpers["view"] = _VIEW
        _step(unit, "tc_view", [step.output, step.source])
    elif isinstance(step, Call):
        _call(unit, step, number)
    else:
        _inside(unit, step, number)


def _inside(unit: _Unit, step: Loop | Branch, number: int) -> None:
    """A step that runs other Programs."""
    overflow = len(unit.failures)
    unit.failures.append(Failure(OVERFLOW, MemoryError))
    name = f"tc_l{len(unit.loops)}"
    found = inner(unit.frames, unit.at, number)
    if isinstance(step, Loop):
        unit.loops.append(loop_text(name, step, unit.at, found[0], overflow))
    else:
        unit.loops.append(branch_text(name, step, unit.at, found, overflow))
    _step(unit, name, [])
    unit.work[()] += 1_000_000  # nobody knows how long it takes


def _step(
    unit: _Unit,
    function: str,
    slots: Sequence[int],
    sizes: Sequence[int] = (),
    others: Sequence[int] = (),
) -> None:
    unit.steps.append((function, len(unit.operands)))
    unit.operands.extend(slot + unit.at.slot for slot in slots)
    unit.operands.extend(size + unit.at.size for size in sizes)
    unit.operands.extend(others)


# -- kernels --------------------------------------------------------------------------------


def _kernel(unit: _Unit, kernel: Kernel) -> None:
    program = unit.program
    text = print_parts(kernel, program.slots, program.sizes, c99(config.math_accuracy))
    in_place = _written_in_place(program, kernel)
    source = kernel_function(text, in_place)
    name = unit.functions.setdefault(source, f"tc_k{len(unit.functions)}")
    numbers = [unit.numbers.setdefault(n, len(unit.numbers)) for n in text.numbers]
    known = len(unit.failures)
    unit.failures.extend(kernel.failures)
    failures = [known + k for k in text.failures]
    _step(unit, name, text.slots, text.sizes, [*numbers, *failures])
    for stage in kernel.stages if unit.at is unit.frames[0] else ():
        if in_place and stage.copied() is not None:
            continue  # mostly there is nothing to copy
        cost = work(stage)
        unit.work[tuple(sorted((*kernel.axes, *stage.inner)))] += cost


def _written_in_place(program: Program, kernel: Kernel) -> bool:
    targets = {commit.slot for commit in program.commits if commit.in_place}
    return any(s.access.slot in targets for stage in kernel.stages for s in stage.stores)


def _call(unit: _Unit, step: Call, number: int) -> None:
    if step.host:
        _host(unit, step, number)
        return
    slots = unit.program.slots
    dtype = DTYPES[slots[step.inputs[0]].dtype]
    if step.op == "contract":
        helper = CONTRACT[dtype.kind](dtype)
        if "tc_alone(" in helper:
            unit.helpers["tc_alone"] = ALONE
        function, work = contract_operands(unit.program, step)
        shapes = [slots[s].shape for s in (*step.inputs, *step.outputs)]
    elif step.op == "argsort":
        helper = argsort_helper(dtype)
        function, work = argsort_operands(unit.program, step)
        shapes = [slots[step.inputs[0]].shape]
    else:
        raise ValueError(f"cgen takes no call of {step.op}")
    unit.helpers[f"tc_{step.op}_{dtype.c}"] = helper
    source = function.replace("TYPE", dtype.c)
    label = unit.functions.setdefault(source, f"tc_k{len(unit.functions)}")
    _step(unit, label, [*step.inputs, *step.outputs], [n for shape in shapes for n in shape])
    if unit.at is unit.frames[0]:
        unit.work[tuple(sorted(work))] += 2


def _host(unit: _Unit, step: Call, number: int) -> None:
    """A step in Python; of small matrices in C."""
    found = matrix_operands(unit.program, step)
    if found is None:
        unit.helpers["host"] = _HOST
        _step(unit, "tc_host", (), (), [unit.at.step + number])
        unit.work[()] += 1_000_000  # nobody knows how long Python code takes
    else:
        source, slots, sizes = found
        word = DTYPES[unit.program.slots[step.outputs[0]].dtype].c
        unit.helpers[f"tc_matrix_{word}"] = matrix_helper(word)
        label = unit.functions.setdefault(source, f"tc_k{len(unit.functions)}")
        _step(unit, label, slots, sizes, [unit.at.step + number])
        if unit.at is unit.frames[0]:
            unit.work[tuple(sorted((*sizes, sizes[-1])))] += 20


# -- files ----------------------------------------------------------------------------------


def _files(unit: _Unit) -> list[str]:
    named = [(name, source.replace("$", name)) for source, name in unit.functions.items()]
    helpers = "".join(text for name, text in unit.helpers.items() if name not in ("view", "host"))
    files = []
    hidden = '__attribute__((visibility("hidden"))) '
    for number, chunk in enumerate(by_file(named, helpers)):
        kernels = "".join(text for _, text in chunk)
        uses = helpers if CALLS.search(kernels) else ""
        head = PRELUDE + PROTOTYPES + f"extern {hidden}const u64 tc_numbers[];\n"
        own = head + needed(kernels + uses, C99)
        own += "".join(text for name, text in HELPERS.items() if f"{name}(" in kernels + uses)
        own += uses
        own += fail(C99) if "tc_fail(" in kernels else ""
        declared = "".join(f"{hidden}void {name}(Context *, const u32 *);\n" for name, _ in chunk)
        files.append(own + declared + kernels + (_main(unit, named) if number == 0 else ""))
    return files


def _main(unit: _Unit, named: Sequence[tuple[str, str]]) -> str:
    hidden = '__attribute__((visibility("hidden"))) '
    declared = "".join(f"{hidden}void {name}(Context *, const u32 *);\n" for name, _ in named)
    steps = ", ".join(f"{{{name}, {start}}}" for name, start in unit.steps) or "{0, 0}"
    numbers = ", ".join(f"{n}ull" for n in unit.numbers) or "0"
    return "".join(
        (
            declared,
            unit.helpers.get("view", ""),
            unit.helpers.get("host", ""),
            *((HEAD, *unit.loops) if unit.loops else ()),
            _WALK,
            f"{hidden}const u64 tc_numbers[] = {{{numbers}}};\n",
            f"static const u32 tc_operands[] = {{{_wrapped(unit.operands) or '0'}}};\n",
            f"static const Step tc_steps[] = {{{steps}}};\n",
            f"static const u32 tc_first[] = {{{_wrapped(unit.first)}}};\n",
            _run(unit.program),
            _sizes(unit),
        )
    )


def _run(program: Program) -> str:
    """The loop over the steps of a segment."""
    begin = ""
    if program.commit_from is not None:
        before = program.steps[: program.commit_from]
        number = sum(not isinstance(step, Sizes) for step in before)
        begin = f"    if (k == {number} && c->begin && c->begin(c)) return 1;\n"
    return (_RUN_TIMED if program.timed else _RUN).replace("    BEGIN\n", begin)


def _wrapped(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


# -- sizes ----------------------------------------------------------------------------------

_SIZE_FUNCTIONS = """\
static inline i64 tc_size_div(i64 a, i64 b) {
  return b == 0 ? 0 : b == -1 ? (i64)(0 - (u64)a) : a / b - (a % b != 0 && (a < 0) != (b < 0));
}
static inline i64 tc_size_mod(i64 a, i64 b) {
  i64 m = b == 0 || b == -1 ? 0 : a % b;
  return m + (m != 0 && (m < 0) != (b < 0) ? b : 0);
}
"""
#: Compile time grows faster than linearly with the length of a function.
_LINES_PER_FUNCTION = 64
#: Kinds that may overflow: then the slow path computes the sizes with Python's integers.
_CHECKED = {"add": "add", "mul": "mul", "sub": "sub", "neg": "sub", "abs": "sub"}
_FORMS = {
    "floordiv": "tc_size_div({0}, {1})",
    "mod": "tc_size_mod({0}, {1})",
    "min": "{0} < {1} ? {0} : {1}",
    "max": "{0} > {1} ? {0} : {1}",
    "select": "{0} > 0 ? {1} : {2}",
}


def _sizes(unit: _Unit) -> str:
    """``tc_sizes``: the sizes and checks of each segment, and the estimate of the work."""
    functions = [_SIZE_FUNCTIONS]
    body: list[str] = []
    index = 0
    found = [(f, s) for f in unit.frames for s in f.program.steps if isinstance(s, Sizes)]
    for segment, (frame, step) in enumerate(found):
        lines = [line for k in step.ids for line in _size(frame, k)]
        for check in step.checks:
            if check.kind != "within":  # that is seen where the size is computed
                args = [a + frame.size for a in check.args]
                kind, number = 1, index
                if frame is not unit.frames[0]:
                    # Nobody repeats one iteration in Python to find the words.
                    kind, number = 2, len(unit.failures)
                    message = check.message.replace("{stretch}", "")
                    unit.failures.append(Failure(message, check.error))
                lines.append(_check(check.kind, args, kind, number))
            index += 1
        large = [k for k in sizes_of_matrices(frame.program) if k in step.ids]
        # Known before anything has run in vain.
        lines += [
            f"  if (!c->host && s[{frame.size + k}] > {LARGEST}) {{ c->error[0] = 3; return 1; }}"
            for k in large
        ]
        body.append(f"  if (segment == {segment}) {{")
        for start in range(0, len(lines), _LINES_PER_FUNCTION):
            name = f"tc_sizes_{len(functions)}"
            functions.append(_part_of_sizes(name, lines[start : start + _LINES_PER_FUNCTION]))
            body.append(f"    if ({name}(c, c->size)) return 1;")
        if segment == 0:
            body.append(
                "    i64 *s = c->size; (void)s;\n"
                f"    const f64 work = {_work(unit, set(step.ids))};\n"
                "    c->work = work < 1e18 ? (i64)work : 1000000000000000000ll;"
            )
        body.append("  }")
    main = ["int tc_sizes(Context *c, i64 segment) {", *body, "  return 0;\n}\n"]
    return "".join(functions) + "\n".join(main)


def _part_of_sizes(name: str, lines: Sequence[str]) -> str:
    head = f"static __attribute__((noinline)) int {name}(Context *c, i64 *s) {{"
    return "\n".join([head, "  int o = 0;\n  (void)c;", *lines, "  return o;\n}\n"])


def _size(frame: Frame, number: int) -> list[str]:
    """The lines that compute a size; they set ``o`` when it has no 64-bit integer."""
    program = frame.program
    kind, operands = program.sizes[number]
    target, args = f"s[{frame.size + number}]", [f"s[{frame.size + a}]" for a in operands]
    if kind in _CHECKED:
        first, *rest = ["0", *args] if kind in ("neg", "abs") else args
        lines = [f"  {target} = {first};"] if not rest else []
        for other in rest:
            lines.append(
                f"  o |= __builtin_{_CHECKED[kind]}_overflow({first}, {other}, &{target});"
            )
            first = target
        return (
            [f"  if ({args[0]} >= 0) {target} = {args[0]}; else", *lines]
            if kind == "abs"
            else lines
        )
    if kind == "const":
        text = f"{operands[0]}ll"
    elif kind == "dim" and operands[0] in frame.shapes:
        text = f"s[{frame.shapes[operands[0]][operands[1]]}]"
    elif kind == "dim":
        text = f"c->dims[{frame.slot + operands[0]}][{operands[1]}]"
    elif kind == "value":
        ctype = DTYPES[program.slots[operands[0]].dtype].c
        text = f"(i64)*(const {ctype} *)c->slot[{frame.slot + operands[0]}]"
    else:
        text = _FORMS[kind].format(*args)
    return [f"  {target} = {text};"]


_FAILS = {
    "equal": "s[{0}] != s[{1}]",
    "nonnegative": "s[{0}] < 0",
    "below": "s[{0}] < 0 || s[{0}] >= s[{1}]",
}


def _check(kind: str, args: Sequence[int], record_kind: int, index: int) -> str:
    record = " ".join(f"c->error[{k + 2}] = s[{a}];" for k, a in enumerate(args))
    test = _FAILS[kind].format(*args)
    record = f"c->error[0] = {record_kind}; c->error[1] = {index}; {record}"
    return f"  if ({test}) {{ {record} return 1; }}"


def _work(unit: _Unit, known: set[int]) -> str:
    """Scalar operations of the call. Sizes found later count as much as a long call."""
    terms = []
    for sizes, cost in unit.work.items():
        if set(sizes) <= known:
            terms.append(" * ".join([f"{cost}.0", *(f"(f64)s[{s}]" for s in sizes)]))
        else:
            terms.append("1e6")
    return " + ".join(terms) or "0"


# -- plan -----------------------------------------------------------------------------------


def _plan(all_frames: Sequence[Frame]) -> CallPlan:
    program = all_frames[0].program
    segment_of = _segments(program)
    slots = program.slots
    return CallPlan(
        slots=sum(len(f.program.slots) for f in all_frames),
        threshold=THRESHOLD_OF_UPDATES if program.commits else THRESHOLD,
        sizes=sum(len(f.program.sizes) for f in all_frames),
        segments=segments(program),
        inner_segments=sum(segments(f.program) for f in all_frames[1:]),
        inputs=tuple((s, slots[s].dtype, len(slots[s].shape)) for s in program.inputs),
        cells=tuple((s, slots[s].dtype, len(slots[s].shape)) for s in program.cells),
        constants=constants(all_frames),
        outputs=tuple((s, slots[s].dtype, slots[s].shape, segment_of[s]) for s in program.outputs),
        commits=tuple(
            (
                c.cell,
                c.slot,
                slots[c.slot].dtype,
                slots[c.slot].shape,
                segment_of[c.slot],
                c.in_place,
            )
            for c in program.commits
        ),
        storage=tuple(entry for f in all_frames for entry in _storage(f)),
    )


def _storage(frame: Frame) -> Iterator[StorageSpec]:
    segment_of = _segments(frame.program)
    for slot, elements, itemsize, first, last in frame.program.storage:
        segment = frame.segment + segment_of[slot]
        yield frame.size + elements, itemsize, segment, frame.slot + slot, first, last


def _segments(program: Program) -> dict[int, int]:
    """The segment in which each slot is first written."""
    found: dict[int, int] = {}
    segment = -1
    for step in program.steps:
        if isinstance(step, Sizes):
            segment += 1
        elif isinstance(step, Kernel):
            for stage in step.stages:
                for store in stage.stores:
                    found.setdefault(store.access.slot, segment)
        elif isinstance(step, View):
            found.setdefault(step.output, segment)
        elif isinstance(step, Loop):
            found.update((slot, segment) for slot in step.writes())
        else:
            for slot in step.outputs:
                found.setdefault(slot, segment)
    return found
