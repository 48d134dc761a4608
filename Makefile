# Two commands are the product: `make book` and `make test`.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
INSTALLED := $(VENV)/installed

.PHONY: book pdf test lab lint coverage wings samples clean

ifneq ($(origin LANGUAGE),command line)  # the environment often has a variable of that name
book: $(INSTALLED)
	$(BIN)/jupyter-book build . -W --keep-going --quiet
	@echo "The book is built. Open $(CURDIR)/_build/html/index.html"
else
# An edition in another language: `make book LANGUAGE=ru`; what is not translated yet is in English.
EDITION := _build/$(LANGUAGE)
book: $(INSTALLED)
	$(BIN)/python book/translation.py make $(LANGUAGE) $(EDITION)/source
	rm -rf $(EDITION)/source/_build $(EDITION)/html
	$(BIN)/jupyter-book build $(EDITION)/source -W --keep-going --quiet
	mv $(EDITION)/source/_build/html $(EDITION)/html
	@echo "The book is built. Open $(CURDIR)/$(EDITION)/html/index.html"
endif

# The same as one file to print, in _build/quest82.pdf; needs Chromium and chromedriver.
pdf: book
	$(BIN)/python book/paper.py

# Chapters and test files side by side, each on one core: faster than one after the other on all.
# A process that dies ends the run with the test's name; xdist 3.8 may wait forever for a new one.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 4 --dist loadfile --max-worker-restart 0
test: export OMP_NUM_THREADS = 1
test: $(INSTALLED)
	$(BIN)/python -m pytest --nbval $(SIDE_BY_SIDE)

# Threads that spin while they wait keep each other off a busy processor.
lab: export OMP_WAIT_POLICY = PASSIVE
lab: $(INSTALLED)
	$(BIN)/jupyter lab book

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Which lines no test runs; fails below the floor in pyproject.toml.
coverage: export OMP_NUM_THREADS = 1
coverage: $(INSTALLED)
	$(BIN)/python -m pytest tests --cov --cov-report=term:skip-covered $(SIDE_BY_SIDE)

# The wings of the package and what each may import, from the table that the tests hold.
wings: $(INSTALLED)
	$(BIN)/python tests/test_house.py

# The clips that come with the page of `quest82 serve`, drawn anew.
samples: $(INSTALLED)
	$(BIN)/python -c "from quest82.service import samples; samples.write_all()"

clean:
	rm -rf $(VENV) _build quest82.egg-info

# Everything is installed in the versions that were tested; then the weights are fetched.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(0 if (3, 10) <= sys.version_info < (3, 15) else 'quest82 needs Python 3.10 to 3.14, this is ' + sys.version.split()[0] + ': make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[all]"
	$(BIN)/quest82 weights
	@$(BIN)/python -c "import pathlib; pathlib.Path('$(INSTALLED)').touch()"
