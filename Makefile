# Set-up, checks and tests; `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test coverage test-all lint format bench wheel lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed ## start the page on http://127.0.0.1:7860
	$(BIN)/python app.py

# Files of tests go to three processes: many tests wait for a worker, a server or a browser. Those that take
# longest come first, in the order of the folders' names, so that no process is left with them alone.
PYTEST_ARGS ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder

test: $(VENV)/.installed-dev chromium ## run the tests; of matrices the first variant
	$(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: $(VENV)/.installed-dev chromium ## run the tests and check the coverage of lines and branches
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage json -q -o .coverage.json
	$(BIN)/coverage report
	$(BIN)/python -m tools.check_coverage .coverage.json

test-all: PYTEST_ARGS += --thorough --timeout 900
test-all: coverage ## the same with slow tests, all variants and more fuzzing

lint: $(VENV)/.installed-dev ## check style, types, import directions, wording, sizes and names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools.lint_words
	$(BIN)/python -m tools.lint_sizes
	$(BIN)/python -m tools.lint_names
	$(BIN)/python -m tools.api_reference --check
	$(BIN)/python -m tools.json_schemas --check

format: $(VENV)/.installed-dev ## apply the fixes that ruff can make
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## measure against the bars; write benchmarks/results
	$(BIN)/python -m benchmarks

wheel: $(VENV)/.installed-dev ## build dist/*.whl
	$(BIN)/python -m build --wheel

# torch is resolved by pip: its requirements differ by machine (CPU build, CUDA build).
LOCK := uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header
lock: $(VENV)/bin/python ## update the pins: requirements.txt and requirements-dev.txt
	$(BIN)/python -m pip install --quiet uv
	mkdir -p build && echo 'torch ; python_version < "3"' > build/overrides.txt
	$(BIN)/$(LOCK) --override build/overrides.txt pyproject.toml | grep -v '^torch ' > requirements.txt
	$(BIN)/$(LOCK) --group dev --constraint requirements.txt > requirements-dev.txt
	echo 'torch==2.13.*' >> requirements.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.10 to 3.13 is needed; choose one with make PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "The venv module is missing; on Debian: apt install python3-venv"; exit 1; }

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable . resemblyzer==0.1.4
	touch $@

# The browser tests use the system's Chromium; they are skipped if it is missing and cannot be installed.
.PHONY: chromium
chromium:
	@[ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || \
	  command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { command -v apt-get >/dev/null && \
	    SUDO=$$([ "$$(id -u)" = 0 ] || echo "sudo -n") && \
	    $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq chromium; } || \
	  echo "No Chromium, and no right to install it: the browser tests will be skipped."

clean: ## remove the output of all targets
	rm -rf $(VENV) dist build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
