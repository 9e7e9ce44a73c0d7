"""The page and the scoreboard: what they show, and what counts as falling behind."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis")

from tensorcore_conformance import page, scoreboard
from tensorcore_conformance.report import SCHEMA, Report, load


def report(name: str = "first") -> dict[str, Any]:
    found = Report(name, "pr", "a chip", {"python": "3.11"}, families={"exp": "elementwise"})
    found.entry("exp", "float32").add(1.5, 3.0)
    found.entry("exp", "float64").add(0.5, 4.0, fallback="no exp in hardware")
    found.entry("exp", "float16").refuse("float16 is not among the declared dtypes")
    found.entry("add", "int8").add(0.0, 0.0)
    found.entry("add", "int8").fail("add(1 < 2), found 3 & more")
    found.failures.append("test_state.py::test_swap: not swapped")
    return json.loads(json.dumps(found.content()))


def test_content() -> None:
    content = report()
    assert content["schema"] == SCHEMA and content["device"] == "a chip"
    assert content["ops"]["exp"]["float32"] == {
        "status": "passed", "cases": 1, "native": 1, "max_ulp": 1.5, "limit": 3.0, "reason": "",
    }  # fmt: skip
    cell = content["ops"]["exp"]["float64"]
    assert (cell["status"], cell["native"], cell["reason"]) == ("fallback", 0, "no exp in hardware")
    assert content["ops"]["exp"]["float16"]["status"] == "unsupported"


def test_the_summary_shows_the_three_apart() -> None:
    found = Report("first", "pr")
    found.entry("exp", "float32").add(1.5, 3.0)
    found.entry("exp", "float64").add(0.5, 4.0, fallback="no exp in hardware")
    found.entry("exp", "float16").refuse("not declared")
    text = "\n".join(found.lines())
    for words in ("1 passed natively", "1 passed through a fallback", "1 declared unsupported"):
        assert words in text
    assert "50.0% of the cases" in text and "exp: no exp in hardware" in text


class Balanced(HTMLParser):
    """Raises when an element is closed that is not open; collects what is fetched."""

    void = frozenset({"meta", "br", "!doctype"})

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.fetched: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in self.void:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_the_page_is_one_file_and_says_everything_in_words() -> None:
    text = page.page([report(), report("second")])
    parser = Balanced()
    parser.feed(text)
    assert parser.stack == [] and parser.fetched == []
    assert "<script" not in text and "http" not in text and "url(" not in text
    assert "prefers-color-scheme: dark" in text
    for words in ("first does not conform", "second does not conform", "a chip", "1.5/3", "pr"):
        assert words in text
    assert "add(1 &lt; 2), found 3 &amp; more" in text and "test_swap: not swapped" in text
    cells = [attrs for tag, attrs in parser.seen if tag == "td" and attrs.get("title")]
    assert len(cells) == 8
    (tip, _) = (c["title"] for c in cells if "exp, float64" in str(c["title"]))
    assert tip == (
        "exp, float64, first: passed through a fallback; 1 cases; largest error 0.5, limit 4; "
        "no exp in hardware"
    )  # fmt: skip
    labels = [a["aria-label"] for tag, a in parser.seen if tag == "span" and "aria-label" in a]
    assert set(labels) == {
        "passed natively", "passed through a fallback", "declared unsupported", "failed",
    }  # fmt: skip


def test_the_page_from_the_command_line(tmp_path: Path, capsys: Any) -> None:
    source, target = tmp_path / "a.json", tmp_path / "page.html"
    source.write_text(json.dumps(report()))
    assert page.main([str(source), "-o", str(target)]) == 0
    assert target.read_text().startswith("<!doctype html>")
    source.write_text('{"backend": "old"}')
    assert page.main([str(source), "-o", str(target)]) == 2
    assert "no report of the conformance suite" in capsys.readouterr().err
    source.write_text(json.dumps({**report(), "schema": 99}))
    with pytest.raises(ValueError, match="schema 99"):
        load(source)


# -- the scoreboard ---------------------------------------------------------------------------


def changed(**change: Any) -> dict[str, Any]:
    found = copy.deepcopy(report())
    found["ops"]["exp"]["float32"].update(change)
    return found


def fallen(now: dict[str, Any] | None, partial: bool = False) -> list[str]:
    known = scoreboard.board_of([report()])
    return scoreboard.regressions(known, scoreboard.board_of([now] if now else []), partial)


def test_what_falls_behind() -> None:
    assert fallen(report()) == []
    assert fallen(changed(max_ulp=2.9)) == [] and fallen(changed(cases=2)) == []
    assert fallen(changed(status="failed")) == ["first: exp float32: failed, was passed"]
    assert fallen(changed(status="unsupported")) == ["first: exp float32: unsupported, was passed"]
    assert fallen(changed(status="fallback")) == ["first: exp float32: fallback, was passed"]
    assert fallen(changed(cases=0)) == ["first: exp float32: 0 cases, were 1"]
    assert fallen(None) == ["first: the backend has vanished"]
    assert fallen(None, partial=True) == []
    less = report()
    del less["ops"]["exp"]["float32"]
    assert fallen(less) == ["first: exp float32: vanished, was passed"]
    del less["ops"]["exp"]
    assert fallen(less) == ["first: exp: the op has vanished"]
    assert "tier smoke" in fallen({**report(), "tier": "smoke"})[0]


def test_what_gets_better_is_no_regression() -> None:
    found = report()
    found["ops"]["exp"]["float64"]["status"] = "passed"
    found["ops"]["exp"]["float16"]["status"] = "fallback"
    found["ops"]["tan"] = found["ops"]["exp"]
    assert fallen(found) == []


def test_recording_and_comparing(tmp_path: Path, capsys: Any) -> None:
    board, source = tmp_path / "board.json", tmp_path / "a.json"
    source.write_text(json.dumps(report()))
    words = [str(source), "--board", str(board)]
    assert scoreboard.main(["--record", *words]) == 0
    assert json.loads(board.read_text()) == scoreboard.board_of([report()])
    assert scoreboard.main(["--compare", *words]) == 0
    source.write_text(json.dumps(changed(status="failed")))
    assert scoreboard.main(["--compare", *words]) == 1
    assert "regression: first: exp float32: failed, was passed" in capsys.readouterr().out
    source.write_text("nonsense")
    assert scoreboard.main(["--compare", *words]) == 2


def test_the_stored_scoreboard_is_whole() -> None:
    known = scoreboard.read(scoreboard.FILE)
    assert known, "record it: python -m tensorcore_conformance.scoreboard --record REPORT.json..."
    for of in known.values():
        assert of["tier"] == "pr"
        assert all(status != "failed" for row in of["ops"].values() for status, _ in row.values())
