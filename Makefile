# Everything a newcomer, a developer and CI run. `make help` lists it.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO ?= demo

SOURCES = $(shell find crates python -name '*.rs' -o -name '*.py' -o -name '*.pyi' -o -name '*.toml' -o -name '*.ttf') \
	Cargo.toml Cargo.lock pyproject.toml README.md
INSTALLED = $(VENV)/.installed
TESTING = $(VENV)/.testing

# Cargo counts its jobs by itself.
unexport MAKEFLAGS MFLAGS

.DEFAULT_GOAL := help
.PHONY: help demo test test-rust test-python lint matrix matrix-others bench docs clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | while IFS='|' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

# Without ensurepip (Debian's python3-venv) half an environment is left behind, which the next run would take for whole.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(INSTALLED): $(VENV)/bin/python $(SOURCES)
	@echo "Building the package: the first time about three minutes on two cores"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	@touch $@

$(TESTING): $(VENV)/bin/python tests/python/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
	@touch $@

demo: $(INSTALLED) ## Build, run a leaking service, leave a picture and a dump to look at
	$(BIN)/python examples/demo.py $(DEMO)

test: test-rust test-python ## Set up and run all tests

test-rust:
	cargo test --quiet --workspace --exclude snakeroot-walk --exclude snakeroot-py
	$(PYTHON) tests/walk_units.py

test-python: $(INSTALLED) $(TESTING)
	$(BIN)/python -m pytest
	# Only the native half has a stub; the other modules are Python and typed as they are.
	# Names that are made when they are asked for have no attribute of their own to compare with.
	$(BIN)/python -m mypy.stubtest snakeroot --ignore-missing-stub --allowlist tests/python/stubtest.txt

lint: $(VENV)/bin/python ## Check formatting, lints, documentation
	cargo fmt --all --check
	PYO3_PYTHON=$(abspath $(BIN)/python) cargo clippy --quiet --workspace --all-targets -- -D warnings
	PYO3_PYTHON=$(abspath $(BIN)/python) RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps

matrix: ## Run the Python tests on every interpreter that is found
	$(PYTHON) tests/matrix.py

matrix-others: ## All of them on the newest other version, the walk's on the rest, some on a debug build
	$(PYTHON) tests/matrix.py --others

bench: $(INSTALLED) ## Measure against objgraph, guppy3, refcycle and the floor
	$(BIN)/python benches/compare.py --python $(BIN)/python
	cargo bench --quiet -p snakeroot

docs: $(VENV)/bin/python ## Build the reference documentation of the crates
	PYO3_PYTHON=$(abspath $(BIN)/python) cargo doc --workspace --no-deps

clean: ## Remove what was built
	cargo clean
	rm -rf $(VENV) .venvs $(DEMO) dist
