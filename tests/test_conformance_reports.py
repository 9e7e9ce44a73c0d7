"""The page and the scoreboard: what they show, and what counts as falling behind."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis")

from tensorcore_conformance import page, scoreboard
from tensorcore_conformance.report import SCHEMA, Failure, Report, load, together, verdict


def report(name: str = "first") -> dict[str, Any]:
    found = Report(name, "pr", "a chip", {"python": "3.11"}, families={"exp": "elementwise"})
    found.entry("exp", "float32").add(1.5, 3.0, unit="ULP")
    found.entry("exp", "float64").add(0.5, 4.0, fallback="no exp in hardware", unit="ULP")
    found.entry("exp", "float16").refuse("float16 is not among the declared dtypes")
    found.entry("sqr", "int64").add(0.0, 0.0)
    found.entry("sqr", "int64").through_body = True
    found.entry("add", "int8").add(0.0, 0.0)
    found.entry("add", "int8").fail("add(1 < 2), found 3 & more")
    found.failures.append(Failure("test_state.py::test_swap", "not swapped"))
    found.groups = {"test_state": {"passed": 20, "failed": 1, "skipped": 0}}
    found.options, found.package = {"tier": "pr", "-k": "exp or add"}, "a-package 1.2"
    found.notes["float16 is not declared, though add works in it"] = None
    return json.loads(json.dumps(found.content()))


def test_content() -> None:
    content = report()
    assert content["schema"] == SCHEMA and content["device"] == "a chip"
    assert content["ops"]["exp"]["float32"] == {
        "status": "passed", "cases": 1, "native": 1, "max_ulp": 1.5, "limit": 3.0, "reason": "",
        "place": "", "unit": "ULP", "through_body": False,
    }  # fmt: skip
    cell = content["ops"]["exp"]["float64"]
    assert (cell["status"], cell["native"], cell["reason"]) == ("fallback", 0, "no exp in hardware")
    assert content["ops"]["exp"]["float16"]["status"] == "unsupported"
    assert content["groups"]["test_state"] == {"passed": 20, "failed": 1, "skipped": 0}
    assert content["date"].endswith(" UTC") and content["package"] == "a-package 1.2"
    assert content["options"]["-k"] == "exp or add" and content["partial"] == ""
    assert content["ops"]["sqr"]["int64"]["unit"] == "exact"


def sound(**facts: Any) -> Report:
    found = Report("first", "pr", **facts)
    found.entry("exp", "float32").add(1.5, 3.0)
    return found


@pytest.mark.parametrize(
    ("found", "headline"),
    [
        (sound(), "first conforms (tier pr)"),
        (sound(partial="1184 of 1188 tests were deselected"),
         "first has no failure (partial: 1184 of 1188 tests were deselected)"),
        (sound(compile_only=True, partial="9 of 10 tests were not run"),
         "first compiles, nothing was run (partial: 9 of 10 tests were not run)"),
        (sound(compile_only=True), "first compiles, nothing was run (partial)"),
        (sound(failures=[Failure("test_gradient[exp]", "off")]), "first does not conform"),
        (sound(failures=[Failure("test_swap", "no")], partial="1 of 2 tests were not run"),
         "first does not conform (partial: 1 of 2 tests were not run)"),
        (Report("first", "pr"), "first was not measured"),
    ],
)  # fmt: skip
def test_only_a_whole_tier_without_failures_conforms(found: Report, headline: str) -> None:
    content = json.loads(json.dumps(found.content()))
    assert verdict(content) == headline == found.lines()[-1]
    text = page.page([content])
    assert f"<h2>{headline}</h2>" in text
    assert ("conforms" in text) == (headline == "first conforms (tier pr)")


def test_failures_with_one_cause_are_said_once() -> None:
    found = sound(failures=[Failure(f"e[{k}]", "RuntimeError: no") for k in range(648)])
    for name in ("exp", "tan"):
        found.entry(name, "float64").fail("RuntimeError: no", "exp(vector), special values")
    found.entry("add", "int8").fail("add(1, 2) in int8: found 4, expected 3", "at (1,) of add")
    lines = [line for line in found.lines() if line.startswith("failed")]
    assert lines == [
        "failed: 650 tests: RuntimeError: no: exp float64, tan float64, e[0] and 647 more",
        "failed: add(1, 2) in int8: found 4, expected 3 (at (1,) of add)",
    ]
    assert together([Failure("test_swap", "no")]) == ["test_swap: no"]


def test_a_share_that_ran_is_no_share_that_is_right() -> None:
    found = sound()
    found.entry("exp", "float64").add(9.0, 3.0)
    found.entry("exp", "float64").fail("exp(1.0) in float64: found 4.0")
    text = "\n".join(found.lines())
    assert "ran natively, but 1 of 2 pairs of op and dtype are wrong" in text
    assert "but 1 of 2 pairs" in page.page([json.loads(json.dumps(found.content()))])


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
    assert parser.stack == []
    anchors = {a["id"] for _, a in parser.seen if "id" in a}
    assert {"op-exp", "op-add", "op-sqr"} == anchors
    assert parser.fetched and all(link.removeprefix("#") in anchors for link in parser.fetched)
    (groups,) = re.findall('<tr><th scope="row">state</th>(.*)</tr>', text)
    assert groups == '<td>20</td><td class="failed">1</td><td>0</td>' * 2
    for words in ("exact</span>", "body exact", ">ULP</td>", "a-package 1.2", "-k exp or add"):
        assert words in text
    assert "Note: float16 is not declared, though add works in it." in text
    assert "<details><summary>first: passed through a fallback</summary>" in text
    assert "no exp in hardware: 1 ops, <a href" in text
    assert "<script" not in text and "http" not in text and "url(" not in text
    assert "prefers-color-scheme: dark" in text
    for words in ("first does not conform", "second does not conform", "a chip", "1.5/3", "pr"):
        assert words in text
    assert "add(1 &lt; 2), found 3 &amp; more" in text and "test_swap: not swapped" in text
    cells = [attrs for tag, attrs in parser.seen if tag == "td" and attrs.get("title")]
    assert len(cells) == 10
    (tip, _) = (c["title"] for c in cells if "exp, float64" in str(c["title"]))
    assert tip == (
        "exp, float64, first: passed through a fallback; 1 cases; largest error 0.5, limit 4 ULP; "
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
