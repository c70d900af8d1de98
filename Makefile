# Every target makes the .venv it needs. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two workers suit small machines; set TEST_ARGS to change or add pytest arguments.
TEST_ARGS ?= -n 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench docs clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(STAMP) ## make .venv and install everything for development

demo: $(STAMP) ## an agent does a real job on a local portal; YES=1 approves by itself
	@$(BIN)/bitrix24-agent demo $(if $(YES),--yes) $(if $(MODEL),--model $(MODEL)) $(DEMO_ARGS)

test: $(STAMP) ## run every test
	$(BIN)/python -m pytest $(TEST_ARGS)

check: $(STAMP) ## lint, types, import contracts, spelling, secrets, references
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src integrations tests docs examples README.md CHANGELOG.md
	$(BIN)/python tests/tools/secret_scan.py
	$(BIN)/bitrix24-agent references check

format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## measure; prints ratios, nothing is asserted
	$(BIN)/python benchmarks/run.py

docs: $(STAMP) ## regenerate docs/cli.md and the transcript in README.md
	$(BIN)/python -m bitrix24_agent.cli.reference > docs/cli.md
	$(BIN)/python tests/tools/transcript.py

clean: ## remove what the other targets made
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
