# Two commands: make run, make test. Everything they need they set up themselves.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3 python; do command -v $$p >/dev/null 2>&1 && { echo $$p; break; }; done)

.PHONY: run test bench reset check

run:
	@$(PYTHON) scripts/run.py

test:
	@$(PYTHON) scripts/test.py

bench:
	@$(PYTHON) scripts/test.py --only-setup && .venv/bin/python -m bench

reset:
	@$(PYTHON) scripts/run.py --reset

check:
	@.venv/bin/ruff check . && .venv/bin/lint-imports && .venv/bin/pyright
