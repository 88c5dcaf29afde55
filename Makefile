# Liquidity Pulse. First use: `make tour` (sets up, runs the pulse, prints it), then `make dev` (Dagster UI on it).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PULSE := $(BIN)/pulse
export DO_NOT_TRACK := 1

.PHONY: setup tour dev test check bench bench-peers shape docs simulate lock clean \
	liquidity-pulse-build liquidity-pulse-test liquidity-pulse-dev liquidity-pulse-simulate \
	liquidity-pulse-benchmark liquidity-pulse-docs validate-liquidity-data

setup: $(STAMP)

# An environment of its own from hash-checked locks: pip installs uv, uv installs the rest, and compiles it once, so that no
# process of a read-only installation compiles it again.
$(STAMP): requirements/bootstrap.lock requirements/lock.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/lock.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $(STAMP)

tour: $(STAMP)
	$(PULSE) tour

dev: $(STAMP)
	$(PULSE) dev

# The outcomes option is one word with its value: as two, pytest takes an existing file for a path to test.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile --feature-outcomes=.feature_outcomes.json

# Everything fast: format, lint, layers, types, fast tests, documents.
check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not slow and not real_data"

# Ours beside the named peers; `bench-peers` installs those that cannot share our environment into .peers.
bench: $(STAMP)
	$(BIN)/python -m benchmarks.run --markdown docs/benchmarks.md

bench-peers: $(STAMP)
	$(BIN)/python -m benchmarks.peers.run

# The structure in numbers: layers, files by size, who imports whom.
shape: $(STAMP)
	$(BIN)/lint-imports --show-timings
	$(BIN)/python docs/build.py shape

docs: $(STAMP)
	$(BIN)/python docs/build.py all

lock:
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --no-strip-extras -q -o requirements/lock.txt

clean:
	rm -rf $(VENV) workspace_data

# The names of the source documents.
liquidity-pulse-build: setup
liquidity-pulse-test: test
liquidity-pulse-dev: dev
liquidity-pulse-simulate: $(STAMP)
	$(PULSE) simulate
liquidity-pulse-benchmark: bench
liquidity-pulse-docs: docs
validate-liquidity-data: $(STAMP)
	$(PULSE) validate $(or $(DATA),workspace_data/landing)
