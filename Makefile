# setup, demo, check, test, bench: see README.md. Everything lands in .venv and .cache.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo check test bench clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 24

$(VENV)/.done: requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.lock
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --editable .
	touch $@

setup: $(VENV)/.done ## make .venv with .venv/bin/vpbx

check: setup ## lint, types, unit, golden, properties: the fast inner loop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q --doctest-modules orchestrator tests/unit tests/golden tests/properties tests/events -m "not switch and not postgresql and not root"

clean: ## drop the virtual environment and caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache
