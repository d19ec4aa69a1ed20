# Thin aliases: the work is in the `cj` command and in pytest. Each target works alone, first, on a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip
SYNC = $(UV) install --quiet --python $(BIN)/python --require-hashes

.PHONY: setup reports test test-spark lab check bench lock clean

setup: .venv/.ready

# The virtual environment is rebuilt when the lock or the metadata changes.
# uv (hash-checked, from the same lock) makes the installation fast; it lives in .venv only.
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "cjlib needs Python 3.11, 3.12 or 3.13; $(PYTHON) is " + sys.version.split()[0] + ". Next: make PYTHON=/path/to/python3.12 setup")'
	@echo "setup: creating .venv (about a minute)"
	@$(PYTHON) -m venv .venv
	@awk '/^uv==/{p=1} /^[^ ]/&&!/^uv==/{p=0} p' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.lock
	@$(SYNC) -r requirements.lock
	@$(UV) install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
	@echo "setup: done. Next: make reports"

reports: .venv/.ready
	@$(BIN)/cj demo

test: .venv/.ready
	@$(BIN)/python -m pytest -n 2

test-spark: .venv/.ready requirements-spark.lock
	@$(SYNC) -r requirements-spark.lock
	@$(BIN)/python -m pytest -m spark tests/unit/journey

check: .venv/.ready
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

lab: .venv/.ready
	@$(BIN)/cj lab

bench: .venv/.ready requirements-bench.lock
	@$(SYNC) -r requirements-bench.lock
	@$(BIN)/python -m benchmarks

lock: .venv/.ready
	@$(UV) compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --extra lab --extra meaning --extra dev pyproject.toml -o requirements.lock
	@$(UV) compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --extra spark pyproject.toml -c requirements.lock -o requirements-spark.lock
	@$(UV) compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --extra bench pyproject.toml -c requirements.lock -o requirements-bench.lock

clean:
	rm -rf .venv reports/* .cache
