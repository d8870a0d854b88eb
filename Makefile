# Every target first makes the environment .venv, unless it is there.
#
# make demo         run the demonstration: from simulated recordings to a trained model and a staged night
# make test         check style and types, and run the tests (installs Chromium on Debian)
# make test-slow    run the tests that take minutes, and the property tests on new examples
# make lint         check style and types
# make docs         build the documentation: docs/_build/html/index.html
# make bench        measure what drawing a night, building a corpus and reading it cost
# make bench-train  measure training against TRL's own script, with tiny models;
#                   BENCH="--device cuda" takes real ones
# make bench-score  measure staging against generate(), likewise
# make audit        look up the versions of constraints.txt among known vulnerabilities (network)
#
# Another Python:   make PYTHON=python3.13 demo
# Another torch:    make TORCH='torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130' demo

PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN = .venv/bin

# torch reads this when it is imported; without it, training on a CPU is ten times slower.
export OMP_WAIT_POLICY = PASSIVE

.PHONY: demo test test-slow docs lint browser audit bench bench-train bench-score

demo: .venv/installed
	$(BIN)/python demo.py

test: lint browser
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# -W makes a warning, such as a link to a missing page, an error.
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

# pip-audit has an environment of its own, since its dependencies are not those of the project.
audit: constraints.txt
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/pip install --quiet pip-audit==2.10.1
	.venv/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The page is tested in Chromium: the one that PSGVLM_BROWSER names, one that is installed, or
# otherwise that of Debian, which is installed here.
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

# torch is installed first and alone, so that no other package chooses another build of it.
.venv/installed: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.version_info >= (3, 11) or sys.exit(f"error: $(PYTHON) is Python {v}; expected 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@# braindecode asks for torchaudio, which it does not need here: see pyproject.toml.
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps braindecode
	touch $@
