"""``python -m benchmarks``: run, print a table with target and verdict, and judge."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from .measure import BACKEND, DEVICE, Figure


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="words; run the benchmarks whose name has one")
    parser.add_argument("--json", action="store_true", help="print the figures for a machine")
    parser.add_argument("--large", action="store_true", help="also the chain of 100,000 nodes")
    parser.add_argument("--strict", action="store_true", help="exit code 1 for a missed target")
    return parser.parse_args(argv)


def line(figure: Figure) -> str:
    """One row of the table."""
    verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
    sign = ">=" if figure.at_least else "<="
    target = "" if figure.target is None else f"{sign} {figure.target:g}"
    measured = f"{figure.value:.3g} {figure.unit}"
    return f"{figure.name:<30} {measured:<28} {target:<8} {verdict:<7} {figure.detail}".rstrip()


def run(
    cases: Iterable[tuple[str, Callable[[], Iterable[Figure]]]], quiet: bool
) -> tuple[list[Figure], list[str]]:
    """All figures, and what went wrong."""
    figures, failures = [], []
    for name, case in cases:
        try:
            for figure in case():
                figures.append(figure)
                if not quiet:
                    print(line(figure), flush=True)
        except Exception as error:  # noqa: BLE001 - the other figures are wanted all the same
            failures.append(f"{name}: {type(error).__name__}: {error}")
            if not quiet:
                print(f"{name:<30} FAILED: {failures[-1]}", flush=True)
    return figures, failures


def isolate(folder: str) -> None:
    """Keep the user's settings and cache out of the figures. Before tensorcore is imported."""
    for name in [name for name in os.environ if name.startswith("TENSORCORE")]:
        del os.environ[name]
    os.environ["TENSORCORE_CACHE_DIR"] = str(Path(folder))
    os.environ["TENSORCORE_PLUGINS"] = "benchmarks.counting"
    os.environ["TENSORCORERC"] = os.devnull


def main(argv: Sequence[str] | None = None) -> int:
    """0 good; 1 for a wrong result or backend, and under ``--strict`` for a missed target."""
    options = arguments(argv)
    with tempfile.TemporaryDirectory() as folder:
        isolate(folder)
        from . import breadth, cases, counting, devices, peers, throughput, vector_maths, vocabulary

        lengths = (1_000, 10_000, 100_000) if options.large else (1_000, 10_000)
        known: list[tuple[str, Callable[[], Iterable[Figure]]]] = [
            ("imports", cases.imports),
            ("installed-plugins", cases.installed_plugins),
            ("calls", cases.calls),
            ("xor-step", cases.xor_step),
            ("batch-sizes", cases.batch_sizes),
            ("first-result", cases.first_result),
            ("mlp-first-result", cases.mlp_first_result),
            ("chains", lambda: cases.chains(lengths)),
            # Behind the chains: a child process counts the memory of its parent as its own peak.
            ("positions", vocabulary.positions),
            ("throughput", throughput.throughput),
            ("breadth", breadth.breadth),
            ("peers", peers.peers),
            ("devices", devices.devices),
            ("vector-maths", vector_maths.vector_maths),
            ("rewriting", lambda: vocabulary.rewriting((lengths[-2], lengths[-1]))),
        ]
        chosen = [c for c in known if not options.only or any(w in c[0] for w in options.only)]
        if not chosen:
            print(f"no such benchmark; there are: {', '.join(c[0] for c in known)}")
            return 2
        figures, failures = run(chosen, options.json)
        ran = sorted(set(counting.compiled))
    if set(ran) - {BACKEND, DEVICE}:
        failures.append(f"wrong backend: expected {BACKEND}, found {', '.join(ran)}")
        print(failures[-1], file=sys.stderr)
    missed = [figure.name for figure in figures if figure.met is False]
    if options.json:
        facts = {"backend": BACKEND, "figures": [asdict(f) | {"met": f.met} for f in figures]}
        print(json.dumps(facts | {"failures": failures, "missed": missed}, indent=2))
    else:
        judged = [figure for figure in figures if figure.met is not None]
        print(f"\nbackend that ran: {', '.join(ran) or 'none in this process'}")
        print(f"targets met: {len(judged) - len(missed)} of {len(judged)}", end="; ")
        print(f"{len(failures)} failed" if failures else "all results equal to NumPy's")
    return 1 if failures or (options.strict and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
