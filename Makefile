# Two commands: make run, make test. Both make .venv and install what is missing.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python

.PHONY: run test check bench clean

$(VENV)/.runs: requirements.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.tests: requirements-dev.txt $(VENV)/.runs
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: $(VENV)/.runs
	$(VENV)/bin/streamlit run app.py

test: $(VENV)/.tests
	$(PY) -m pytest $(ARGS)

check: $(VENV)/.tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

bench: $(VENV)/.tests
	@for script in tests/bench/bench_*.py; do echo "## $$script"; PYTHONPATH=. $(PY) $$script || exit 1; done

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
