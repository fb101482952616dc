# Everything sets up its own environment: Python 3.11 or newer and make are all that has to be there.
PYTHON ?= python3
VENV ?= .venv
RESULTS ?= rnnrbm-demo
BIN := $(VENV)/bin
SPHINX = $(BIN)/python -m sphinx -q -W --keep-going -c docs -d docs/_build/doctrees

# One thread for BLAS: the matrices are small, and the tests compare digits.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-postgres slow fuzz coverage bench tutorial docs docs-links docs-test lint clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: PYTHON=$(PYTHON) (3.11 or newer), VENV=$(VENV), RESULTS=$(RESULTS)"

demo: $(VENV)/.demo ## Train on the Bach chorales, about three minutes, and write music into ./rnnrbm-demo
	$(BIN)/rnnrbm demo -o $(RESULTS)

test: $(VENV)/.test ## Run all tests but the slow ones
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-postgres: $(VENV)/.test ## Search with three workers on a PostgreSQL server of its own, where its programs are installed
	$(BIN)/python -m pytest -m slow tests/search/test_postgres.py $(PYTEST_ARGS)

slow: $(VENV)/.test ## Run the tests that take minutes each
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

fuzz: $(VENV)/.test ## Give every reader of files 100,000 hostile inputs: hours; minutes by FUZZ_ARGS="--seconds 60"
	nice $(BIN)/python -m tests.hostile.fuzz $(FUZZ_ARGS)

coverage: $(VENV)/.test ## Run the same tests, and print which lines they run
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

bench: $(VENV)/.bench ## Measure the time of an update, beside programs written by hand
	$(BIN)/python -m benchmarks.table $(BENCH_ARGS)

tutorial: $(VENV)/.test ## Run the chapters; put into them what they print and draw
	$(BIN)/python -m tutorial.build $(TUTORIAL_ARGS)

docs: $(VENV)/.docs ## Build the site into docs/_build/html; a warning is an error, and so is a broken link within it
	$(SPHINX) -b html . docs/_build/html
	$(BIN)/python -m docs.check_links docs/_build/html

docs-links: $(VENV)/.docs ## Check the links of the site to other sites
	$(SPHINX) -b linkcheck . docs/_build/linkcheck

docs-test: $(VENV)/.docs $(VENV)/.test ## Run the tests of the site, slow ones too
	$(BIN)/python -m pytest -m "slow or not slow" tests/docs $(PYTEST_ARGS)

lint: $(VENV)/.lint ## Check style, formatting, types and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

clean: ## Remove the environment, and the built site
	rm -rf $(VENV) docs/_build docs/reference/api/generated

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.13 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[corpus]"
	@touch $@

# On Linux PyTorch's usual build brings CUDA, gigabytes of it. One that is in the environment already is kept.
$(VENV)/.bench: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	@touch $@

$(VENV)/.test: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	@touch $@

$(VENV)/.docs: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	@touch $@

$(VENV)/.lint: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[lint]"
	@touch $@
