# Two commands: make run, make test. Everything they need they set up themselves.
# The newest Python that really starts; an old one is told so by the script it runs.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3 python; do $$p -c "" >/dev/null 2>&1 && { echo $$p; break; }; done)

.PHONY: run test bench reset check python

python:
	@test -n "$(PYTHON)" || { echo "zhanting: Python 3.11 or newer is needed; on Debian: apt-get install python3 python3-venv"; exit 1; }

run: python
	@$(PYTHON) scripts/run.py

test: python
	@$(PYTHON) scripts/test.py

bench: python
	@$(PYTHON) scripts/test.py --only-setup && .venv/bin/python -m bench

reset: python
	@$(PYTHON) scripts/run.py --reset

check:
	@.venv/bin/ruff check . && .venv/bin/lint-imports && .venv/bin/pyright
