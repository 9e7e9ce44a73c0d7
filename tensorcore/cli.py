"""The command ``tensorcore``, also ``python -m tensorcore``.

Exit codes: 0 good, 1 something failed, 2 wrong usage or configuration, 3 the backend that
counts is not available.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

GOOD, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 3
INTERRUPTED = 130  # what shells make of Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from .errors import BackendUnavailable, ConfigError, TensorcoreError

    parser = _parser()
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["run"] and words[1:] and words[1] not in ("-h", "--help"):
        from .legacy.running import run  # the program's own errors and exits are its own

        return run(words[1:])
    try:
        known, rest = parser.parse_known_args(words)
        if rest and not known.passes_on:
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        code: int = known.run(known, rest)
    except SystemExit as stop:  # argparse: --help and --version end with 0, mistakes with 2
        return stop.code if isinstance(stop.code, int) else USAGE
    except BackendUnavailable as cause:
        return _complain(cause, UNAVAILABLE)
    except ConfigError as cause:
        return _complain(cause, USAGE)
    except TensorcoreError as cause:
        return _complain(cause, FAILED)
    except BrokenPipeError:  # the reader, such as `head`, had enough
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        print("tensorcore: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code


def _complain(cause: Exception, code: int) -> int:
    print(f"tensorcore: {cause}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tensorcore", description="Symbolic tensors on the backend you choose."
    )
    parser.add_argument("--version", action="version", version=f"tensorcore {_version()}")
    parser.set_defaults(passes_on=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Any, words: str, add_help: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words, add_help=add_help)
        added.set_defaults(run=run, passes_on=False)
        return added

    words = "Train a classifier of handwritten digits on every backend that works here."
    demo = command("demo", _demo, words, add_help=False)  # demo.py has the parser
    demo.set_defaults(passes_on=True)
    program = command("run", _run, "Run a program that imports theano, unchanged.", add_help=False)
    program.set_defaults(passes_on=True)
    listing = command("backends", _backends, "List the backends and whether they work here.")
    listing.add_argument(
        "-v", "--verbose", action="store_true", help="versions, devices, tracebacks"
    )
    listing.add_argument("--json", action="store_true", help="print the list as JSON")
    doctor = command("doctor", _doctor, "Try each backend in a process of its own.")
    doctor.add_argument("--json", action="store_true", help="print what was found as JSON")
    doctor.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="limit for each backend"
    )
    settings = command("config", _config, "Show the settings.")
    settings.add_argument("--explain", action="store_true", help="sources and what they overrode")
    settings.add_argument("--json", action="store_true", help="print the settings as JSON")
    ops = command("ops", _ops, "List the ops, or say everything about some.")
    ops.add_argument("names", nargs="*", metavar="NAME", help="an op, or its name in tensor")
    ops.add_argument("--json", action="store_true", help="print the facts as JSON")
    fresh = command("new-backend", _new_backend, "Write the package of a new backend.")
    fresh.add_argument("name", metavar="NAME", help="the backend's name, such as my_device")
    fresh.add_argument("--like", choices=("array", "c"), default="array", help="what it does")
    fresh.add_argument("--in", dest="parent", metavar="FOLDER", default=".", help="where it goes")
    suite = command("conformance", _conformance, "Hold a backend to the reference.")
    suite.add_argument("--backend", required=True, metavar="NAME")
    suite.add_argument(
        "--tier", choices=("smoke", "pr", "nightly", "exhaustive"), default="smoke",
        help="how much: seconds (the default), minutes, more, all float16 values of unary ops too",
    )  # fmt: skip
    suite.add_argument("--json", metavar="FILE", help="write the report there")
    suite.add_argument("--html", metavar="FILE", help="write it there as a page")
    suite.add_argument(
        "--require", action="append", default=[], metavar="NAME",
        help="a backend that must be available: else the run fails (may be given several times)",
    )  # fmt: skip
    suite.add_argument(
        "--compile-only", action="store_true", help="check that every case compiles, run nothing"
    )
    suite.set_defaults(passes_on=True)
    return parser


def _seconds(words: str) -> float:
    seconds = float(words)
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError("expected a number of seconds above 0")
    return seconds


def _version() -> str:
    from . import _report

    return _report.version()


def _print_json(content: object) -> None:
    import json

    print(json.dumps(content, indent=2, default=str))


def _demo(known: argparse.Namespace, rest: list[str]) -> int:
    from . import demo

    return demo.main(rest)


def _run(known: argparse.Namespace, rest: list[str]) -> int:
    from .legacy.running import USAGE as words

    print(words)
    return GOOD if rest else USAGE


# -- backends ------------------------------------------------------------------------------


def _backends(known: argparse.Namespace, rest: list[str]) -> int:
    from . import _report, config, plugins

    found = plugins.statuses()
    words = config.chosen_backend()
    selected, code, complaint = _selected()
    if known.json:
        chosen = {"asked": words[0], "source": words[1], "selected": selected, "works": code == 0}
        rows = [{k: v for k, v in s._asdict().items() if k != "cause"} for s in found]
        _print_json({"chosen": chosen, "error": complaint, "backends": rows})
        return code
    print(_report.backends_table(found))
    for line in _report.backends_notes(found, known.verbose):
        print(line)
    print(f"\nbackend={words[0]} ({words[1]})" + (f" selects {selected}" if selected else ""))
    if complaint:
        print(f"tensorcore: {complaint}", file=sys.stderr)
    return code


def _selected() -> tuple[str, int, str]:
    """Name of the backend that counts, exit code, and what is wrong with it."""
    from . import plugins
    from ._probe import smoke
    from .errors import BackendUnavailable

    try:
        selected = plugins.select()
    except BackendUnavailable as cause:
        return "", UNAVAILABLE, str(cause)
    at = f"@{selected.distribution}" if selected.distribution else ""
    device = f":{selected.device}" if selected.device else ""
    wrong = smoke(f"{selected.name}{at}{device}")
    if wrong:
        return selected.name, UNAVAILABLE, f"backend {selected.name!r} does not work: {wrong}"
    return selected.name, GOOD, ""


# -- doctor, config, ops, conformance ------------------------------------------------------


def _doctor(known: argparse.Namespace, rest: list[str]) -> int:
    from . import _report, config
    from ._probe import probe_all

    probes = probe_all(known.timeout)
    about = _report.surroundings()
    words = config.chosen_backend()[0]
    code = _report.verdict(words, probes)
    if config.problems() and code == GOOD:
        code = USAGE
    if known.json:
        found = [asdict(probe) for probe in probes]
        _print_json({"about": about, "backends": found, "problems": _lines(), "exit": code})
        return code
    print(_report.doctor_page(about, probes, _lines(), words, code))
    return code


def _lines() -> list[str]:
    from . import config

    return [problem.line for problem in config.problems()]


def _config(known: argparse.Namespace, rest: list[str]) -> int:
    from . import _report, config, plugins

    for entry in plugins.backends():  # their options, and mistakes in their sections
        plugins.load_options(entry.name)
    settings = config.explain()
    value, source = config.chosen_backend()
    problems = _lines()  # already shown on standard error when they were found
    unknown = plugins.unknown(value)
    if unknown:
        problems.append(f"tensorcore: {source}: {unknown}")
        print(problems[-1], file=sys.stderr)
    if known.json:
        chosen = {"value": value, "source": source}
        rows = [setting._asdict() for setting in settings]
        _print_json({"chosen_backend": chosen, "options": rows, "problems": problems})
    else:
        print(_report.settings_page(settings, known.explain))
        if known.explain:
            print(f"\nthe backend that counts: {value} ({source})")
    return USAGE if problems else GOOD


def _ops(known: argparse.Namespace, rest: list[str]) -> int:
    from . import _report
    from .inspection import op_table

    entries = [(name, op_table.by_name(name)) for name in known.names]
    unknown = [name for name, entry in entries if entry is None]
    for name in unknown:
        hint = ", ".join(op_table.near(name))
        words = f" Near: {hint}." if hint else " `tensorcore ops` lists all."
        print(f"tensorcore: there is no op {name!r}.{words}", file=sys.stderr)
    if unknown:
        return USAGE
    found = [entry for _, entry in entries if entry is not None] or op_table.all_facts()
    if known.json:
        _print_json({"ops": [entry._asdict() for entry in found]})
    elif known.names:
        print("\n\n".join(_report.op_page(entry) for entry in found))
    else:
        print(_report.ops_page(found))
    return GOOD


def _new_backend(known: argparse.Namespace, rest: list[str]) -> int:
    from pathlib import Path

    from .new_backend import KINDS, new_backend

    made = new_backend(known.name, Path(known.parent), known.like)
    module = f"{known.name}_backend.py"
    print(
        f"{made}: a backend that {KINDS[known.like]}. It works as it is; make it yours in {module}."
    )
    print(f"Next:\n  pip install -e {made}\n  tensorcore conformance --backend {known.name}")
    return GOOD


def _conformance(known: argparse.Namespace, rest: list[str]) -> int:
    import importlib.util

    from . import plugins

    for module, fix in (
        ("pytest", "pip install pytest hypothesis mpmath"),
        ("tensorcore_conformance", "it comes with the checkout: pip install '.[test]'"),
    ):
        if importlib.util.find_spec(module) is None:
            print(f"tensorcore: the suite needs {module}. Hint: {fix}.", file=sys.stderr)
            return USAGE
    if known.backend not in known.require:  # then a missing one is a line, not a failed test
        find = plugins.select_to_compile if known.compile_only else plugins.select
        find(known.backend)
    import pytest

    ended = pytest.main([*_suite_words(known), *(word for word in rest if word != "--")])
    return {0: GOOD, 2: INTERRUPTED, 4: USAGE, 5: USAGE}.get(int(ended), FAILED)


def _suite_words(known: argparse.Namespace) -> list[str]:
    """The command line of the suite under pytest."""
    words = ["--pyargs", "tensorcore_conformance", "--tensorcore-backend", known.backend]
    words += ["--tensorcore-tier", known.tier]
    words += ["--tensorcore-json", known.json] if known.json else []
    words += ["--tensorcore-html", known.html] if known.html else []
    words += [word for name in known.require for word in ("--tensorcore-require", name)]
    words += ["--tensorcore-compile-only"] if known.compile_only else []
    return [*words, "-W", "ignore::pytest.PytestAssertRewriteWarning"]  # we are imported already
