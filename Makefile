# The ten targets that people and CI use; each sets up what it needs and says what it does.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := .tools/bin/uv
BIN := .venv/bin
STAMP := .venv/.synced

.PHONY: help setup demo run test check format bench docs clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

$(UV):
	@echo "setup: fetching uv, the package installer, into .tools"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore --target .tools uv

$(STAMP): $(UV) pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"Hyperfade needs Python 3.11 to 3.13, found {v[0]}.{v[1]}: set PYTHON=python3.12, say")'
	@echo "setup: making .venv from uv.lock"
	@# the second try is for networks that sign with certificates of their own
	@$(UV) sync --frozen --quiet --python $(PYTHON) 2>/dev/null || $(UV) sync --frozen --quiet --system-certs --python $(PYTHON)
	@touch $(STAMP)

setup: $(STAMP) ## make .venv from the lock file (all other targets do it too)
	@echo "setup: ready; the command is $(BIN)/hyperfade"

demo: $(STAMP) ## the whole way on a simulated exchange: no network, no account, no token
	@$(BIN)/hyperfade demo

run: $(STAMP) ## against the real exchange
	@$(BIN)/hyperfade run

test: $(STAMP) ## all tests
	@$(BIN)/pytest -q -n 2

check: $(STAMP) ## ruff, mypy, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(STAMP) ## let ruff mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP) ## measure the hot paths, each against a bare baseline in the same run
	@$(BIN)/python -m benchmarks

docs: $(STAMP) ## write the generated parts of the README anew
	@$(BIN)/python -m hyperfade.reference

clean: ## remove what the targets made
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis
