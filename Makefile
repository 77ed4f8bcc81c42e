# Needs git, make and python3 >= 3.11 with venv. Everything else goes into .venv.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
# Stamps: what .venv holds, so that a second call takes no time.
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
LOCK := $(VENV)/lock

# An environment that is active in the calling shell must not leak into .venv.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

.NOTPARALLEL:
.PHONY: help campaign test test-engines chaos lint docs wheel lock

help:
	@echo "make campaign   install into .venv and run configs/quickstart.yaml"
	@echo "make test       install into .venv and run the tests; ARGS='-k feff' goes to pytest"
	@echo "make test-engines  the tests on a real Slurm, on a replica set, with FEFF 10, amid kills"
	@echo "make chaos      run a campaign that loses processes, database, network; writes chaos.json"
	@echo "make lint       ruff, mypy and import-linter"
	@echo "make docs       make a site of docs/ in docs/_build, and fail at the first warning"
	@echo "make wheel      build a wheel into dist/"
	@echo "make lock       resolve all dependencies anew and write requirements.lock"

campaign: $(RUN)
	$(BIN)/exafscn run configs/quickstart.yaml

# Hundreds of processes import the same modules: where none may keep what it compiled, each compiles
# all of them again.
test test-engines: export PYTHONDONTWRITEBYTECODE :=

PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: $(DEV)
	$(PYTEST) -m 'not engine' $(ARGS)

test-engines: $(DEV)
	$(PYTEST) -m engine $(ARGS)

chaos: $(DEV)
	PYTHONPATH=tests/support $(BIN)/python -m chaos $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DEV)
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build

# setuptools copies whatever an older build/ holds into the wheel.
wheel: $(BIN)/pip
	rm -rf build
	$(PIP) wheel --no-deps --wheel-dir dist .

# A fresh environment, because only that shows what pip chooses today. Local version suffixes and
# CUDA packages depend on the index that torch comes from, and stay out.
lock: $(BIN)/pip
	$(PYTHON) -m venv --clear $(LOCK)
	$(LOCK)/bin/python -m pip install --editable '.[dev]'
	{ echo "# Constraints for pip: every version that 'make' installs, for Linux x86-64 and"; \
	  echo "# Python 3.11. Made by 'make lock'; do not edit."; \
	  $(LOCK)/bin/python -m pip freeze --all --exclude-editable --exclude pip \
	    | sed 's/+.*//' | grep -viE '^(cuda|nvidia|triton)[-=]' | LC_ALL=C sort -f; \
	} > requirements.lock
	rm -r $(LOCK)

# venv writes pip last: a half-made .venv has none, and is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "exafscn needs Python 3.11 or newer, which '$(PYTHON)' is not." \
	    "Name another one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

$(RUN): pyproject.toml requirements.lock | $(BIN)/pip
	$(PIP) install --constraint requirements.lock --editable '.[feff10,mongod,pdf]'
	touch $@

$(DEV): pyproject.toml requirements.lock | $(BIN)/pip
	$(PIP) install --constraint requirements.lock --editable '.[dev]'
	touch $(RUN) $@
