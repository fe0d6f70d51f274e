# make demo   set up, then build the example's environment and run it
# make test   set up, install and start what the tests need, check everything, stop what was started
# make unit   the fast tests alone, with no service and no network
# make torture   the long sets: power cuts, kills, failing calls, full disks, damage (root; hours; see docs/reliability.md)
# make lint   style, types and the floors
# make docs   docs/cli.md anew, from the commands' own help, and docs/from-azureml.md from its table

# The first interpreter that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PYTEST ?=

.PHONY: demo test both unit torture lint format docs bench setup clean

demo: .venv/ready
	$(BIN)/envbuild build --to store examples/classify/requirements.txt
	$(BIN)/envbuild run --env examples/classify/requirements.txt examples/classify/train.py

test: .venv/ready-dev lint
	$(BIN)/python tests/services/services.py run -- $(MAKE) -s both

# The unit tests on all cores, then the rest one after another: engines, networks and the machine's disk are there once.
both:
	@failed=0; \
	$(BIN)/pytest tests/unit -n auto --dist loadfile -m "not long" $(PYTEST) || failed=1; \
	$(BIN)/pytest tests/integration -m "not long" $(PYTEST) || failed=1; \
	exit $$failed

unit: .venv/ready-dev
	$(BIN)/pytest tests/unit -m "not long and not engine" $(PYTEST)

torture: .venv/ready-dev
	$(BIN)/pytest tests/torture -m long $(PYTEST)

lint: .venv/ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: .venv/ready-dev
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_from_azureml.py

bench: .venv/ready-dev
	@set -e; for program in benchmarks/*.py; do echo "$$program"; $(BIN)/python $$program; done
	$(BIN)/python tests/services/services.py run -- $(BIN)/python benchmarks/peers

setup: .venv/ready-dev

.venv/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making .venv with $(PYTHON) and installing envbuild[all]"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q -e '.[all]'
	@touch $@

# pip reads dependency groups since 25.1, and a fresh environment has the one that Python ships.
.venv/ready-dev: .venv/ready
	@echo "Installing the development tools"
	@$(BIN)/python -m pip install -q 'pip>=25.1'
	@$(BIN)/python -m pip install -q --group dev
	@touch $@

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
