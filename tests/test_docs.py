"""The pages that are made from the code say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

GENERATE = Path(__file__).resolve().parent.parent / "docs" / "generate.py"


def test_generated_pages_are_up_to_date(capsys):
    main = runpy.run_path(str(GENERATE))["main"]
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_found(tmp_path, capsys):
    made = runpy.run_path(str(GENERATE))
    made["main"].__globals__["HERE"] = tmp_path
    assert made["main"](["--check"]) == 1
    assert "dtypes.md" in capsys.readouterr().out
    assert made["main"]([]) == 0
    assert made["main"](["--check"]) == 0
