.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-all check bench bench-quick bench-check bench-faults bench-store bench-launchers bench-bits bench-reproduction peers lock clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# TensorFlow takes 1 GB in each process. The tests of a file stay in one process, where they share their fixtures.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

demo: $(READY)  ## Sweep five architectures on the generated corpus, tracked in MLflow
	$(BIN)/sentiment-lab train +experiments=quickstart

test: $(READY)  ## Run the quick tests (a few minutes)
	$(BIN)/pytest $(PARALLEL) --durations=10

test-slow: $(READY)  ## Run the slow tests; those on real reviews need SENTIMENT_LAB_DATA
	$(BIN)/pytest $(PARALLEL) -m slow --durations=10

test-all: test test-slow  ## Run all tests

check: $(READY)  ## Check lint, format, types, imports, dead code and wording
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/python .ci/vocabulary.py

# Packages that only the benchmarks compare with. Without PyTorch, the other comparisons still run.
peers: $(READY)
	@$(BIN)/python -c 'import torch' 2>/dev/null || { \
		wanted="$$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["peers"])')"; \
		echo "installing $$wanted, which the benchmarks compare with"; \
		if [ -x $(BIN)/pip ]; then $(BIN)/pip install --quiet $$wanted; else uv pip install --quiet --python $(BIN)/python $$wanted; fi \
			|| echo "$$wanted could not be installed; it is left out"; \
	}

bench: peers  ## Compare with other libraries in an hour and a half; needs SENTIMENT_LAB_DATA and an idle machine
	$(BIN)/python -m benchmarks

bench-quick: peers  ## The same with less data in five minutes; writes to build/bench/
	$(BIN)/python -m benchmarks --quick

bench-check: peers  ## Measure quickly and report which ratios fell since benchmarks/RESULTS.json
	$(BIN)/python -m benchmarks --check

bench-faults: $(READY)  ## Test killed, locked, damaged and misspelt runs; writes benchmarks/FAULTS.md in about 40 minutes
	$(BIN)/python -m benchmarks.faults

bench-store: $(READY)  ## Fill SQLite and PostgreSQL through MLflow; writes benchmarks/STORE.md; needs PostgreSQL
	$(BIN)/python -m benchmarks.store

bench-reproduction: $(READY)  ## Measure how often verdicts of `reproduce` are wrong; writes benchmarks/REPRODUCTION.md
	$(BIN)/python -m benchmarks.reproduction

bench-launchers: $(READY)  ## Run one sweep with every launcher while workers fail; writes benchmarks/EXECUTORS.md
	$(BIN)/python -m benchmarks.executors

bench-bits: $(READY)  ## Compare training steps under simulated instruction sets; writes benchmarks/BITS.md in five minutes
	$(BIN)/python -m benchmarks.bits

lock:  ## Lock the dependencies of pyproject.toml (needs uv); LOCK=--upgrade takes newer versions
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 $(LOCK) \
		pyproject.toml --all-extras --group dev --group bench --output-file requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 $(LOCK) \
		--constraint requirements.lock deploy/requirements.in --output-file deploy/requirements.lock

clean:  ## Remove the environment and tool caches; keeps runs
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs the same locked files in a tenth of the time; pip is sufficient.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
		f"Python must be 3.11, 3.12 or 3.13, got $(PYTHON) {v[0]}.{v[1]}; choose another one with make PYTHON=python3.11")'
	@if command -v uv >/dev/null; then \
		uv venv --quiet --clear --python "$$(command -v $(PYTHON))" .venv && \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(PYTHON) -m venv --clear .venv && \
		$(BIN)/pip install --quiet --require-hashes -r requirements.lock && \
		$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .; \
	fi
	@touch $@
