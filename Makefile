# The one door: every target makes what it needs, beginning with an environment of its own.
#
#   make demo     train the demo network on every backend that works here
#   make test     run the tests
#   make help     the rest
#
# Variables: PYTHON (interpreter for the environment), VENV (its folder), CONSTRAINTS (a file of
# versions; empty for the newest ones), NUMPY (a requirement such as 'numpy==2.0.*'), ARGS
# (passed on to the command of the target); of the suite BACKENDS, TIER and REPORTS (a folder).

VENV        ?= .venv
CONSTRAINTS ?= constraints.txt
NUMPY       ?=
ARGS        ?=
BACKENDS    ?= numpy_ref cgen
TIER        ?= pr
REPORTS     ?= conformance-report
TENTH       ?= 3

# The first interpreter that is new enough, so that an old `python3` does no harm.
FIND_PYTHON = for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done
PYTHON ?= $(shell $(FIND_PYTHON))

BIN := $(VENV)/bin
# What is used is compiled when it is first imported; most of what is installed never is.
PIP  = $(BIN)/python -m pip --disable-pip-version-check install -q --no-compile \
	$(if $(CONSTRAINTS),-c $(CONSTRAINTS)) $(if $(NUMPY),'$(NUMPY)')

.PHONY: help demo test roundabout faults gpu-check conformance scoreboard example bench docs lint format types check wheel clean
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "tensorcore needs Python 3.11 or newer; found none (try: make PYTHON=/path/to/python3)" >&2; exit 1; }
	@echo "making an environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu install the package python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/.base: $(VENV)/.made pyproject.toml $(CONSTRAINTS)
	@$(PIP) -e .
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml $(CONSTRAINTS)
	@$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: $(VENV)/.made pyproject.toml $(CONSTRAINTS)
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.test $(VENV)/.base

demo: $(VENV)/.base  ## train the demo network on every backend that works here
	@$(BIN)/python -m tensorcore demo $(ARGS)

test: $(VENV)/.test  ## run the tests
	@$(BIN)/python -m pytest $(ARGS)

roundabout: $(VENV)/.test  ## the tests through backends that go out of their way: a tenth of them (TENTH= for all)
	@set -e; for way in loopback chaos; do echo "through $$way"; \
		$(BIN)/python -m pytest -q --through $$way $(if $(TENTH),--tenth $(TENTH)) $(ARGS); done

faults: $(VENV)/.test  ## the faults of the machine in their long forms, and a table of what held
	@$(BIN)/python -m pytest -q tests/faults --long $(ARGS)

conformance: $(VENV)/.test  ## hold every backend in BACKENDS to the reference, at TIER; pages in REPORTS
	@mkdir -p $(REPORTS); failed=0; for backend in $(BACKENDS); do \
		echo "conformance: $$backend"; \
		$(BIN)/python -m tensorcore conformance --backend $$backend --tier $(TIER) \
			--json $(REPORTS)/$$backend.json --html $(REPORTS)/$$backend.html $(ARGS) || failed=1; \
	done; exit $$failed

scoreboard: $(VENV)/.test  ## compare REPORTS with conformance/scoreboard.json, and write them as one page
	@$(BIN)/python -m tensorcore_conformance.page $(REPORTS)/*.json -o $(REPORTS)/index.html
	@$(BIN)/python -m tensorcore_conformance.scoreboard --compare $(REPORTS)/*.json $(ARGS)

gpu-check: $(VENV)/.test  ## everything that needs a GPU: conformance, tests, sanitizer, figures
	@$(BIN)/python backends/cuda/gpu_check.py $(ARGS)

cuda-texts: $(VENV)/.test  ## what examples and demo give in CUDA C, compiled for three architectures without a device
	@$(BIN)/python tests/cuda/texts.py $(ARGS)

# The backend strict is the Interpreter on another array library, so what it computes op by op is
# all that can be wrong there; tiny_c compiles, and has the whole tier.
OP_BY_OP = test_ops or test_shapes or test_memory or test_state or test_random
example: $(VENV)/.test  ## build and install the example of a plugin, and run the suite on its two backends
	@rm -rf $(VENV)/example
	@$(PIP) --no-deps --no-build-isolation --target $(VENV)/example ./tests/plugin_example
	@PYTHONPATH=$(abspath $(VENV)/example) $(MAKE) --no-print-directory conformance \
		BACKENDS=strict TIER=smoke ARGS="-q -k '$(OP_BY_OP)'"
	@PYTHONPATH=$(abspath $(VENV)/example) $(MAKE) --no-print-directory conformance \
		BACKENDS=tiny_c TIER=smoke ARGS=-q

bench: $(VENV)/.base  ## measure, with the targets beside the figures
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.test  ## write the pages made from the code, and the outputs that pages show
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/run.py --update README.md docs/tutorial.md docs/guide.md

lint: $(VENV)/.dev  ## ruff: rules and format
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .

format: $(VENV)/.dev  ## ruff: mend what can be mended
	@$(BIN)/python -m ruff check --fix .
	@$(BIN)/python -m ruff format .

types: $(VENV)/.dev  ## mypy, strict
	@$(BIN)/python -m mypy

check: lint types test conformance demo  ## everything a change must pass

wheel: $(VENV)/.made  ## build the wheel into dist/
	@$(BIN)/python -m pip --disable-pip-version-check wheel -q --no-deps -w dist .
	@ls dist/*.whl

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis conformance-report
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
