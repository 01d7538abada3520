# make demo   the flagship pages on simulated frames, in minutes: reports/build/index.html
# make test   linters and the test suite
# make tables every experiment's table and page; SCALE=paper for the papers' sizes
# Each makes .venv from requirements.lock first.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.installed
UV := 0.13.8
SCALE ?= demo
export PATH := $(BIN):$(PATH)

.PHONY: demo test lint tables bench clean

demo: $(STAMP)
	snakemake demo
	@echo "open $(CURDIR)/reports/build/index.html"

tables: $(STAMP)
	snakemake --config scale=$(SCALE)
	@echo "open $(CURDIR)/reports/build/index.html"

test: lint
	python -m pytest -n 2 --dist loadgroup --durations=8

lint: $(STAMP)
	ruff check .
	ruff format --check .
	lint-imports --no-cache
	snakefmt --check Snakefile workflow
	snakemake --lint

bench: $(STAMP)
	for command in benchmarks/*/run.py; do python $$command; done

# uv installs in a fifth of pip's time; it does not read pip's own list of places that hold wheels.
$(STAMP): requirements.lock pyproject.toml setup.py $(wildcard src/hemoseg/nn/native/*pp)
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	export UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-$$(python -m pip config get global.find-links 2>/dev/null || true)}}"; \
	uv pip install --quiet --requirement requirements.lock || python -m pip install --quiet --requirement requirements.lock
	python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf results reports/build data/simulated_* .snakemake
