"""Fixtures of the suite, and which cases there are."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tensorcore.dtypes import FLOATING
from tensorcore.errors import BackendUnavailable
from tensorcore.ops import OPS
from tensorcore.plugins import select

from . import samples
from .plugin import REPORT, TALLY, TIERS
from .report import Report, versions
from .subject import Subject, device_of
from .subject import subject as make_subject
from .tally import Tally, by_module, keyword_options

_SUBJECT = pytest.StashKey[Subject]()
_DESELECTED = pytest.StashKey[list[pytest.Item]]()
#: The smoke tier leaves out the narrow and the complex dtypes.
SMOKE_DTYPES = ("bool", "int64", "float32", "float64")
#: The tests that compile each case, and stop there when nothing can run.
_COMPILING = ("test_values", "test_gradient", "test_random_graphs")
#: What holds the core alone, its references, lowerings and rules, whichever backend is under test.
_OF_THE_CORE = ("test_references", "test_structures", "test_lowering", "test_holds")
_HERE = Path(__file__).resolve().parent
#: What holds references and rules to exact numbers is left out where there is nothing to compute
#: these with; whatever is under test is compared with the references all the same.
collect_ignore = [] if find_spec("mpmath") else ["test_references.py", "test_rules.py"]
#: In which order the modules run: values first, so that ``-x`` stops at the simplest failure.
_ORDER = (
    "ops", "shapes", "memory", "state", "seams", "structures", "references", "gradients", "rules",
    "sums", "graphs", "threads", "timings", "loops", "random", "convolution", "networks",
    "matrices", "nightly", "exhaustive",
)  # fmt: skip
_RANK = {f"test_{name}": rank for rank, name in enumerate(_ORDER)}


def of_session(config: pytest.Config) -> Subject:
    """The backend under test, made once. Raises BackendUnavailable."""
    known = config.stash.get(_SUBJECT, None)
    if known is None:
        compile_only = config.getoption("--tensorcore-compile-only")
        known = make_subject(config.getoption("--tensorcore-backend"), compile_only)
        config.stash[_SUBJECT] = known
        diagnosis = known.backend.diagnose()
        config.stash[REPORT] = Report(
            known.name,
            config.getoption("--tensorcore-tier"),
            device_of(known, diagnosis),
            versions(dict(diagnosis.versions)),
            families={op.name: op.family.name for op in OPS.values()},
            compile_only=compile_only,
            options=keyword_options(config),
            package=known.package,
        )
    return known


def at_least(config: pytest.Config, tier: str) -> bool:
    """Whether the tier asked for holds all of ``tier``."""
    return TIERS.index(config.getoption("--tensorcore-tier")) >= TIERS.index(tier)


class Unavailable(pytest.Item):
    """In place of all tests: one skip, or one failure, with the diagnosis."""

    def __init__(self, *, reason: str, required: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self._reason, self._required = reason, required

    def runtest(self) -> None:
        """Say why nothing was checked."""
        if self._required:
            pytest.fail(self._reason, pytrace=False)
        pytest.skip(self._reason)

    def reportinfo(self) -> tuple[Path, None, str]:
        """As the tests of the suite have it."""
        return _HERE, None, self.name


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the modules of tiers above the one asked for."""
    tier = collection_path.stem.removeprefix("test_")
    above = collection_path.parent == _HERE and tier in TIERS and not at_least(config, tier)
    return True if above else None


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember what ``-k`` and the like take away: the rest is no whole run."""
    for item in items:
        item.config.stash.setdefault(_DESELECTED, []).append(item)


@pytest.hookimpl(trylast=True)  # the words of -k choose among tests, not whether we say this
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """A backend that cannot run here is one skip or one failure; one that can only compile has
    the tests that do no more."""
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    deselected = config.stash.get(_DESELECTED, [])
    deselected = [item for item in deselected if item.path.is_relative_to(_HERE)]
    if not ours and not deselected:
        return
    absent = dict(_unavailable(config))
    required = config.getoption("--tensorcore-require")
    tested = config.getoption("--tensorcore-backend")
    wanted = [] if tested in absent else [item for item in ours if _in_tier(config, item)]
    left_out = []
    if config.getoption("--tensorcore-compile-only"):
        left_out = [item for item in wanted if _named(item) not in _COMPILING]
        wanted = [item for item in wanted if _named(item) in _COMPILING]
    wanted.sort(key=lambda item: _RANK.get(item.path.stem, len(_RANK)))
    foreign = set(items) - set(ours)
    items[:] = [*(item for item in items if item in foreign), *wanted]
    if tested not in absent:
        taken = [item for item in deselected if _in_tier(config, item)]
        tally = Tally(config.stash[REPORT], by_module(wanted), len(taken), len(left_out))
        tally.absent = _absent(config, [*ours, *deselected])
        tally.named = any("::" in str(word) for word in config.args)
        tally.in_words = config.option.tbstyle == "auto"
        config.stash[TALLY] = tally
    if not foreign and not absent and config.option.tbstyle == "auto":
        config.option.tbstyle = "no"  # the summary says all failures, those alike once
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.reportchars = "".join(c for c in reporter.reportchars if c not in "fE")
    for name, reason in absent.items():
        items.append(
            Unavailable.from_parent(
                session, name=f"backend {name}", reason=reason, required=name in required
            )
        )


def _in_tier(config: pytest.Config, item: pytest.Item) -> bool:
    """Whether the tier asked for holds a test of the suite."""
    of_the_core = item.path.stem in _OF_THE_CORE or _named(item) in _OF_THE_CORE
    return not of_the_core or at_least(config, "pr")


def _absent(config: pytest.Config, found: list[pytest.Item]) -> tuple[str, ...]:
    """The modules of the tier of which no test was found."""
    there = {item.path.stem for item in found}
    every = [path for path in _HERE.glob("test_*.py") if not pytest_ignore_collect(path, config)]
    return tuple(sorted({path.stem for path in every} - there))


def _named(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", item.name))


def _unavailable(config: pytest.Config) -> list[tuple[str | None, str]]:
    """What is asked for and cannot run here, with its diagnosis."""
    tested = config.getoption("--tensorcore-backend")
    found: list[tuple[str | None, str]] = []
    try:
        of_session(config)
    except BackendUnavailable as cause:
        found.append((tested, str(cause)))
    for name in dict.fromkeys(config.getoption("--tensorcore-require")):
        if name != tested:
            try:
                select(name)
            except BackendUnavailable as cause:
                found.append((name, str(cause)))
    return found


def pytest_generate_tests(metafunc: Any) -> None:
    """One test per op and dtype, per op, or per floating dtype, where a test asks for that."""
    full = at_least(metafunc.config, "pr")
    if "float_dtype" in metafunc.fixturenames:
        metafunc.parametrize("float_dtype", FLOATING if full else FLOATING[1:2])
    if "op_name" in metafunc.fixturenames and "dtype" not in metafunc.fixturenames:
        metafunc.parametrize("op_name", list(OPS))
    if {"op_name", "dtype"} <= set(metafunc.fixturenames):
        pairs = [
            (op.name, dtype)
            for op in OPS.values()
            for dtype in _DTYPES
            if (full or dtype in SMOKE_DTYPES) and samples.takes(op, dtype)
        ]
        if metafunc.function.__name__ == "test_lowering":
            pairs = [(name, dtype) for name, dtype in pairs if OPS[name].body is not None]
        metafunc.parametrize(("op_name", "dtype"), pairs)


_DTYPES = tuple(dict.fromkeys(d for op in OPS.values() for d in op.accepts))


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The backend under test."""
    return of_session(request.config)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest, subject: Subject) -> Report:
    """What the run found so far."""
    found: Report = request.config.stash[REPORT]
    return found


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether more than the smoke tier is asked for."""
    return at_least(request.config, "pr")


@pytest.fixture(scope="session")
def every(request: pytest.FixtureRequest) -> bool:
    """Whether nothing takes turns."""
    return at_least(request.config, "nightly")
