# Everything a person or a build machine does here starts with `make`. Try `make help`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

BIN := .venv/bin
# Each stamp carries what it was made from in its name, so that a second run costs nothing.
hash = $(firstword $(shell sha256sum $(1)))
INSTALLED := .venv/.locked-$(call hash,requirements.lock)
PACKAGE := .venv/.package-$(call hash,pyproject.toml)
FUZZER := .venv/.fuzzer-$(call hash,requirements-fuzz.lock)
# Test processes: one for each core, at most four.
JOBS ?= auto
# Options for pytest, for example: make test ARGS="tests/soap -k golden"
ARGS ?=

# The fire: where its seeds begin, how many visits of the Web Connector, on which database, in which way.
SEED ?= 1
SESSIONS ?= 200
# Fuzzing: for how long; SEED says where its seeds begin; the targets whose bytes atheris chooses, or all.
SECONDS ?= 60
GUIDED ?=
DATABASE ?= sqlite

.PHONY: help demo test fire fuzz lint format bench lock clean

help: ## Show these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(PACKAGE) ## Run the whole product here, without Windows, QuickBooks or a CRM; SERVE=1 keeps it running
	@$(BIN)/qbwc-server demo $(if $(SERVE),--serve)

test: $(PACKAGE) ## Run all tests; installs what they need from the system where it may
	@tests/system_parts.sh
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

fire: $(PACKAGE) ## Play random lives full of accidents; SEED=1 SESSIONS=200 DATABASE=sqlite|postgresql
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.fire --seed $(SEED) --sessions $(SESSIONS) --database $(DATABASE) $(ARGS)

fuzz: $(PACKAGE) $(if $(GUIDED),$(FUZZER)) ## Send nonsense to everything that reads; SECONDS=60 SEED=1 GUIDED=all ARGS="--target visits"
	@$(BIN)/python -m tests.fuzz --seed $(SEED) --seconds $(SECONDS) $(addprefix --guided ,$(GUIDED)) $(ARGS)

lint: $(PACKAGE) ## Check style, types and who imports whom
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

format: $(PACKAGE) ## Put the code into its form
	@$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(PACKAGE) ## Measure memory, small calls and large answers on this machine; ARGS="--help" for more
	@$(BIN)/python -m tests.bench.measure $(ARGS)

lock: ## Write both lock files anew; UPGRADE=1 takes the newest versions
	@deploy/make_venv.sh .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile --universal --all-extras --no-annotate --no-emit-index-url --quiet \
	    --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --output-file requirements.lock pyproject.toml
	.venv-lock/bin/uv pip compile --universal --group fuzz --no-annotate --no-emit-index-url --quiet \
	    --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --output-file requirements-fuzz.lock

clean: ## Remove the environment, the demo's files and every cache
	@rm -rf .venv .venv-lock .demo .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED):
	@deploy/make_venv.sh .venv
	echo "Installing what requirements.lock names ..."
	$(BIN)/python -m pip install --quiet --no-deps --use-pep517 --requirement requirements.lock
	rm -f .venv/.locked-*
	touch $@

$(FUZZER): $(PACKAGE)
	@echo "Installing atheris ..."
	$(BIN)/python -m pip install --quiet --no-deps --only-binary :all: --requirement requirements-fuzz.lock
	rm -f .venv/.fuzzer-*
	touch $@

$(PACKAGE): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	rm -f .venv/.package-*
	touch $@
