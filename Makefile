# Every habit of this repository. `make help` lists them; variables given to make reach the commands.

# The interpreters to look for, in this order; PYTHON=/path/to/python names another.
PYTHONS := python3.11 python3.12 python3.13 python3 python
IS_SUITABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
VERSION := import sys; print(sys.version_info[:2])

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ALL_CODE := app tests migrations

# Sessions side by side, each with servers, databases and ports of its own: most tests wait. `make test WORKERS=4` or 0.
WORKERS := 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

# An environment of another version than the named interpreter's is made anew.
ifdef PYTHON
ifneq ($(shell ($(PYTHON) -c '$(VERSION)') 2>/dev/null),$(shell ($(BIN)/python -c '$(VERSION)') 2>/dev/null))
.PHONY: $(READY)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help demo test lint types fmt bench crash browser migrate lock

help: ## list what there is
	@echo 'Starbrush. Needs Python 3.11, 3.12 or 3.13, and nothing else.'
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1 \2/p' Makefile | \
		while read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

demo: $(READY) ## run the whole product, Telegram included, until Ctrl-C
	@exec $(BIN)/starbrush demo

test: $(READY) lint types ## lint, types, import contracts and every test, on real servers
	$(BIN)/python -m tests.browser.chromium
	$(PYTEST)

lint: $(READY) ## style and import contracts
	$(BIN)/ruff check $(ALL_CODE)
	$(BIN)/ruff format --check $(ALL_CODE)
	$(BIN)/lint-imports

types: $(READY) ## types, strictly
	$(BIN)/mypy

fmt: $(READY) ## format, and mend what can be mended by itself
	$(BIN)/ruff format $(ALL_CODE)
	$(BIN)/ruff check --fix $(ALL_CODE)

bench: $(READY) ## measure: submits, latencies, throughput, memory
	$(BIN)/python -m tests.load

crash: $(READY) ## only the tests that kill processes
	$(PYTEST) tests/crash

browser: $(READY) ## only the tests in Chromium, which is installed when missing
	$(BIN)/python -m tests.browser.chromium
	$(PYTEST) tests/browser

migrate: $(READY) ## bring the database at DATABASE_URL to the newest schema
	$(BIN)/starbrush migrate

# Locks keep their versions unless told otherwise: make lock LOCK_FLAGS=--upgrade
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_FLAGS) pyproject.toml

lock: $(READY) ## resolve the dependencies of pyproject.toml into both lock files
	$(BIN)/$(LOCK) --output-file requirements.lock
	$(BIN)/$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	@! grep -nE '://|^-' requirements.lock requirements-dev.lock || { echo 'A lock file names an address.' >&2; exit 1; }

$(READY): requirements-dev.lock pyproject.toml
	@for candidate in $(or $(PYTHON),$(PYTHONS)); do \
		if "$$candidate" -c '$(IS_SUITABLE)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'Starbrush needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: apt-get install python3-venv).' >&2; \
		echo 'Found none as: $(or $(PYTHON),$(PYTHONS)). Name one with PYTHON=/path/to/python.' >&2; \
		exit 1; \
	fi; \
	if [ "$$("$$python" -c '$(VERSION)')" != "$$( ($(BIN)/python -c '$(VERSION)') 2>/dev/null)" ] \
		|| ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "Creating $(VENV) with $$python"; \
		"$$python" -m venv --clear $(VENV); \
	fi
	@echo 'Installing the locked dependencies; this takes a minute, once'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
