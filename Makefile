# Two commands: make run, make test. Both make .venv and install what is missing, in the versions of requirements.lock.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
# Processes that share the tests: at most four, for each holds PyTorch. The long browser stories come early, in the
# order of the folders; sorted by their number of tests they would come last, one process waiting for the other.
JOBS ?= $(shell $(PYTHON) -c "import os; print(min(4, os.cpu_count() or 1))")
INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check -c requirements.lock

.PHONY: run test check lock wheel bench load fuzz clean examples screens

$(VENV)/.runs: requirements.txt requirements.lock
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.txt
	touch $@

$(VENV)/.tests: requirements-dev.txt $(VENV)/.runs
	$(INSTALL) -r requirements-dev.txt
	touch $@

run: $(VENV)/.runs
	$(PY) -m medcls app

# Compiled once: where Python may keep no bytecode, each of the many processes of the tests would do it again.
test: $(VENV)/.tests
	$(PY) -m compileall -q app.py medcls pages
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

# After a change of requirements*.txt: install them, run the tests, then write down what was installed.
lock:
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(PY) .ci/lock

wheel:
	$(PY) -m pip wheel --no-deps --wheel-dir dist .

bench: $(VENV)/.tests
	@for script in tests/bench/bench_*.py; do echo "## $$script"; PYTHONPATH=. $(PY) $$script || exit 1; done

# Twenty readers at one server on this machine, beside a bare app; not part of the tests.
load: $(VENV)/.tests
	$(PY) tests/load/load_readers.py $(ARGS)

# Picture files and the records of a home changed at random, and the tests that draw their cases with cases of their
# own; not part of the tests. Less of it: make fuzz ARGS="--mutants 2000" RECORDS="--count 200 --direct 100".
fuzz: $(VENV)/.tests
	PYTHONPATH=. $(PY) tests/fuzz/fuzz_pictures.py $(ARGS)
	PYTHONPATH=. $(PY) tests/fuzz/fuzz_records.py $(RECORDS)
	$(PY) -m pytest -q -m hypothesis --hypothesis-profile=new

examples: $(VENV)/.tests
	$(PY) .ci/examples

screens: $(VENV)/.tests
	$(PY) .ci/screens

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
