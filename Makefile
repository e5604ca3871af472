# Every command of this project. Each does its own set-up inside this folder (.venv, target, build), needs
# Rust, Python 3.9 or newer and the package registries, and builds only what changed since the last time.

PYTHON ?= python3
# Nearly as fast as release in a third of its build time. `make wheel`, `make bench` and `make libfdb_c` use release.
PROFILE ?= test-release
# Seconds in all, shared evenly among the targets of fuzz/.
FUZZ_SECONDS ?= 60
# Passed on: make test ARGS="-k watch", make run ARGS="--limit 2000", make bench ARGS="codec".
ARGS ?=

# make 3.81, which macOS has, knows no .SHELLFLAGS: recipes that pipe set pipefail themselves.
SHELL := bash

VENV := .venv
BIN := $(VENV)/bin
TARGET := $(or $(CARGO_TARGET_DIR),target)
BUILD := build
CARGO := cargo
LIBFDB_C := $(if $(filter Darwin,$(shell uname -s)),libfdb_c.dylib,libfdb_c.so)
CARGO_FUZZ := $(TARGET)/tools/bin/cargo-fuzz
CARGO_FUZZ_VERSION := 0.13.2
# It warns that the build backend is ours, and lists what it always does: only cargo's own lines are of interest.
MATURIN_SAYS := Warning: .build-backend|Building a mixed|Found CPython|Found PyPy|Found pyo3|build options|Built wheel|editable|already satisfied|Looking in|Ignoring|Finished
MATURIN_FILTER = set -o pipefail; $(1) 2>&1 | { grep -Ev '$(MATURIN_SAYS)' || true; }
MATURIN = $(call MATURIN_FILTER,$(BIN)/maturin develop --profile $(PROFILE) $(1))
# Only what PyO3 is compiled against by plain cargo; maturin finds the interpreter of the environment by itself.
export PYO3_PYTHON := $(abspath $(BIN)/python)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# An environment that happens to be active in this shell is not the one that is built for.
export VIRTUAL_ENV := $(abspath $(VENV))
unexport PYTHONHOME PYTHONPATH CONDA_PREFIX

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test lint fuzz bench libfdb_c wheel build clean format docs \
	screenshots browser test-rust test-python test-loaded test-libfdb_c test-stubs lint-rust lint-python lint-abis lint-workflows

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build $(VENV)/.group-tour ## the tour: 28,000 airports in an embedded database, kept in .data/
	@$(BIN)/python examples/tour $(ARGS)

test: browser test-rust test-python test-loaded test-stubs ## every test: Rust, Python, the stubs, the examples in the documentation

lint: lint-rust lint-python lint-abis lint-workflows ## formatting, clippy, ruff, pyright, every supported Python

# ---- set-up -------------------------------------------------------------------------------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON): install Python 3.9 or newer, or say make PYTHON=..." >&2; exit 1; }
	@command -v $(CARGO) >/dev/null || { echo "no cargo: install Rust from https://rustup.rs" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' || { echo "$(PYTHON) is older than 3.9: say make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

# The dependency groups of pyproject.toml: build, tour, stubs, lint.
$(VENV)/.group-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --group $*
	@touch $@

# For cargo without make, and for editors: where bindgen finds libclang.
.cargo/config.toml: $(VENV)/.group-build build_backend/backend.py
	@mkdir -p $(@D)
	@printf '[env]\nLIBCLANG_PATH = "%s"\n' "$$($(BIN)/python build_backend/backend.py)" > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
	@touch $@

# Once: an editable install, so that the environment imports python/found and has its metadata and its test extra.
$(VENV)/.installed-found: pyproject.toml .cargo/config.toml
	@echo 'building the extension (once, about a minute)'
	@$(call MATURIN,--extras test)
	@touch $@

# From then on only the extension is built, in place.
build: $(VENV)/.installed-found ## the extension, into python/found
	@$(call MATURIN,--skip-install)

# ---- test ---------------------------------------------------------------------------------------------------

test-rust: .cargo/config.toml
	$(CARGO) test --locked --profile $(PROFILE) -p found-tuple -p found-embedded

# The tests that load our libfdb_c take the one built with the same profile as all else.
TEST_LIBFDB_C := $(abspath $(TARGET))/$(PROFILE)/$(LIBFDB_C)

test-libfdb_c: .cargo/config.toml
	$(CARGO) build --locked --profile $(PROFILE) -p found-libfdb-c

# What tests/browser needs, which not every Python has wheels of: without it those tests say that they were skipped.
browser: $(VENV)/.group-browser
	@scripts/chromium.sh

test-python: build test-libfdb_c $(VENV)/.group-tour
	FOUND_TEST_LIBFDB_C=$(TEST_LIBFDB_C) $(BIN)/python -m pytest $(ARGS)

# The same tests through that library, with late answers, and the rules of tests/conformance with all; `make test-loaded
# LOADED=` runs all of them. None may be left to run where ARGS selects others.
LOADED ?= -k 'latency or conformance'

test-loaded: build test-libfdb_c
	FOUND_LIBFDB_C=$(TEST_LIBFDB_C) FOUND_TEST_LIBFDB_C=$(TEST_LIBFDB_C) \
		$(BIN)/python -m pytest -q --ignore=tests/test_libfdb_c.py $(LOADED) $(ARGS) || [ $$? = 5 ]

test-stubs: build $(VENV)/.group-stubs
	$(BIN)/python -m mypy.stubtest found --mypy-config-file pyproject.toml --allowlist scripts/stubtest_allowlist.txt

# ---- lint ---------------------------------------------------------------------------------------------------

lint-rust: .cargo/config.toml
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@if [ -f fuzz/Cargo.toml ]; then $(CARGO) fmt --manifest-path fuzz/Cargo.toml --check; fi

lint-python: build $(VENV)/.group-lint $(VENV)/.group-tour $(VENV)/.group-browser
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python scripts/generate_options.py --check
	$(BIN)/python scripts/sync_stubs.py --check
	$(BIN)/pyright --pythonversion 3.9
	$(BIN)/pyright --pythonversion 3.14

lint-abis: .cargo/config.toml
	$(BIN)/python scripts/check_abis.py

# The checkers of workflows are wheels for Python 3.10 and newer.
lint-workflows: $(VENV)/.group-lint
	@[ -x $(BIN)/zizmor ] || { echo "workflows not checked: that needs Python 3.10"; exit 0; }; \
	set -x; \
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml && \
	$(BIN)/zizmor --offline --no-progress --quiet .github/workflows

docs: build ## docs/api.md and the docstrings of the stub, from the module as it is built
	$(BIN)/python scripts/sync_stubs.py
	$(BIN)/python scripts/generate_api.py

screenshots: build $(VENV)/.group-browser ## the pictures of found-vnstore in docs/images/
	$(BIN)/python scripts/screenshots.py

format: $(VENV)/.group-lint ## rewrite the sources as `make lint` wants them
	$(CARGO) fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# ---- the rest -----------------------------------------------------------------------------------------------

$(CARGO_FUZZ):
	$(CARGO) install --quiet --locked cargo-fuzz --version $(CARGO_FUZZ_VERSION) --root $(TARGET)/tools

fuzz: .cargo/config.toml $(CARGO_FUZZ) ## every fuzz target, FUZZ_SECONDS=60 in all
	@CARGO_FUZZ=$(CARGO_FUZZ) TARGET=$(abspath $(TARGET)) scripts/fuzz.sh $(FUZZ_SECONDS)

libfdb_c: .cargo/config.toml ## build/lib/libfdb_c.so: the embedded engine for any FoundationDB binding
	$(CARGO) build --locked --release -p found-libfdb-c
	@mkdir -p $(BUILD)/lib
	@install $(TARGET)/release/$(LIBFDB_C) $(BUILD)/lib/  # not cp: who has the old file loaded keeps it
	@ls -l $(BUILD)/lib

# The wheel that would be published, in an environment of its own beside what it is measured against.
BENCH := $(BUILD)/bench

# Each peer by itself: one that does not install is said to be missing in its column, and the rest is measured.
$(BENCH)/venv/.peers: bench/peers.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m venv $(BENCH)/venv
	$(BENCH)/venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1' 'backports.zstd>=1.0; python_version < "3.14"'
	$(BENCH)/venv/bin/python -m bench.peers
	@touch $@

bench: libfdb_c $(BENCH)/venv/.peers ## side by side with what one would use instead; a table in build/bench/
	@$(call MATURIN_FILTER,$(BIN)/maturin build --release --out $(BENCH)/wheels)
	$(BENCH)/venv/bin/python -m pip install --quiet --force-reinstall --no-index --no-deps --find-links $(BENCH)/wheels asyncio-foundationdb
	$(BENCH)/venv/bin/python -m bench $(ARGS)

wheel: .cargo/config.toml ## a wheel for this Python and the sdist, into dist/
	$(BIN)/maturin build --release --sdist --out dist

clean: ## remove everything that was built, and the tour's data
	rm -rf target $(BUILD) dist .venv .data .cargo/config.toml fuzz/target .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find python tests bench scripts build_backend examples -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f python/found/_found*.so python/found/_found*.pyd
