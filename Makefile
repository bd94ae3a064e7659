# Everything lands in .venv and .cache; the Asterisk, when the machine has none, in the user's cache folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SYSTEM_PACKAGES := asterisk-core-sounds-ru-wav espeak-ng sip-tester faketime postgresql debootstrap logrotate systemd vagrant \
    libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core poppler-utils
FAST := tests/unit tests/golden tests/isolation tests/properties tests/events
# Calls mostly wait, so more test files than cores run side by side.
AT_ONCE ?= 4
# What pytest makes of a test's file is kept, whatever the environment says: each worker would make it anew.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest
FAST_MARKS := not switch and not postgresql and not root and not program and not long

.PHONY: help setup demo check fast lint test failed-again bench proofs system-packages lock clean mutants

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 26

$(VENV)/.done: requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.lock
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --editable .
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q orchestrator
	touch $@

setup: $(VENV)/.done ## make .venv with .venv/bin/vpbx

demo: setup ## two tenants on a real Asterisk: calls, a refused one, recordings, charges
	$(BIN)/vpbx switch install
	$(BIN)/python examples/demo.py

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: setup ## lint, types, unit, golden, properties: the fast inner loop
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint fast

# Twice as many as there are cores: some wait for a deadline that they are about.
fast: setup
	$(PYTEST) -q --doctest-modules --numprocesses=4 --dist=worksteal orchestrator $(FAST) -m "$(FAST_MARKS)"

test: lint system-packages ## everything, on a real switch and real databases
	$(BIN)/vpbx switch install
	$(PYTEST) -q --durations=15 --doctest-modules --numprocesses=$(AT_ONCE) --dist=loadfile \
	    --no-loadscope-reorder orchestrator tests \
	    || $(MAKE) --no-print-directory failed-again

# A call that is late on a busy machine is told from a fault: what failed beside other tests runs once more, alone.
failed-again: setup
	@echo "once more, alone: what has failed. A test that passes now is a test to mend."
	@grep -q :: .pytest_cache/v/cache/lastfailed
	$(PYTEST) -q --last-failed --doctest-modules orchestrator tests

bench: setup system-packages ## every benchmark, one JSON line a figure; about twenty minutes, on a quiet machine
	$(BIN)/vpbx switch install
	for each in definitions ledger billing verify statement rating deck listener changes calls routing prepaid; do $(BIN)/python bench/bench_$$each.py || exit 1; done

# What tests show on a slice, at full size: seeded, one JSON line a figure, and it fails when it isn't so.
proof-%: setup system-packages
	$(BIN)/vpbx switch install
	$(BIN)/python tests/faults/proof_$(subst -,_,$*).py

mutants: setup system-packages ## each function of docs/functions.md switched off: its test must go red; half an hour
	$(BIN)/vpbx switch install
	$(BIN)/python tests/mutants/run.py

proofs: proof-lines proof-isolation proof-route proof-killed-switch proof-killed-listener proof-killed-apply proof-events proof-history proof-distributions proof-portability proof-retention proof-store proof-prepaid proof-credit proof-whatif ## the slow proofs

# Programs that the tests use and pip can't install; root is asked for only when one is missing.
system-packages:
	@missing=$$(dpkg-query -W -f='$${Package} $${Status}\n' $(SYSTEM_PACKAGES) 2>/dev/null \
	    | grep -c ' installed$$'); \
	if [ "$$missing" -ne $(words $(SYSTEM_PACKAGES)) ]; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $(SYSTEM_PACKAGES); \
	fi

# With the oldest Python that is supported, Debian 12's 3.11.2: some packages need more on it than on later ones.
lock: setup ## pin what pyproject.toml asks for: to work on it, and to run it (deploy/provision.sh)
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --strip-extras \
	    --extra dev --extra postgresql -o requirements/dev.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --strip-extras \
	    --extra postgresql --build-deps-for wheel --constraint requirements/dev.lock \
	    -o requirements/runtime.lock pyproject.toml

clean: ## drop the virtual environment and caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
