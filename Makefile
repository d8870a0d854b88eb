# make demo        sets everything up and runs the main job, from raw signals to a staged night
# make test        sets everything up, Chromium too on Debian, and runs the tests (make test-slow:
#                  those that take minutes, and properties tried on new examples)
# make docs        builds the documentation; it is read at docs/_build/html/index.html
# make bench       measures what a night costs against the plain way of drawing it, and what building
#                  and reading a corpus cost
# make bench-train measures training against TRL's own script: tiny models, or with
#                  BENCH="--device cuda" real ones
# make bench-score measures scoring against generate(), likewise
#
# make audit       looks the exact versions of constraints.txt up among known vulnerabilities; needs the
#                  network
#
# Another Python:  make PYTHON=python3.13 demo
# Another torch:   make TORCH='torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130' demo

PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN = .venv/bin

# Before torch is imported; without it training on a CPU is ten times slower.
export OMP_WAIT_POLICY = PASSIVE

.PHONY: demo test test-slow docs lint browser audit bench bench-train bench-score

demo: .venv/installed
	$(BIN)/python demo.py

test: lint browser
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# -W: a warning, such as a link to a page that is not there, is an error.
docs: .venv/installed
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: .venv/installed
	$(BIN)/python bench/render.py
	$(BIN)/python bench/corpus.py
	$(BIN)/python bench/reading.py

bench-train: .venv/installed
	$(BIN)/python bench/train.py $(BENCH)

bench-score: .venv/installed
	$(BIN)/python bench/score.py $(BENCH)

test-slow: lint
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,qlora]'
	$(BIN)/python -m pytest -m 'slow or hypothesis' --hypothesis-profile=default --timeout=1800

# In an environment of its own: what it is made of is no part of the project.
audit: constraints.txt
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/pip install --quiet pip-audit==2.10.1
	.venv/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The page is tested in Chromium: the one that PSGVLM_BROWSER names, one that is there, or Debian's.
browser:
	@for name in "$$PSGVLM_BROWSER" chromium chromium-browser google-chrome; do \
	  if command -v "$$name" >/dev/null; then exit 0; fi; \
	done; \
	if ! command -v apt-get >/dev/null || [ "$$(id -u)" != 0 ]; then \
	  echo "error: no browser for the page's test; expected chromium, chromium-browser or google-chrome: install one, or set PSGVLM_BROWSER to its path" >&2; \
	  exit 1; \
	fi; \
	apt-get update --quiet --quiet && \
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends chromium

# torch first and alone: what comes after it must not choose another build.
.venv/installed: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.version_info >= (3, 11) or sys.exit(f"error: $(PYTHON) is Python {v}; expected 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@# It asks for torchaudio, which it does not need here: see pyproject.toml.
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps braindecode
	touch $@
