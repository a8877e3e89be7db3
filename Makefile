# survmodel: every target works from a fresh clone with Python 3.11 or 3.12 and make.
PYTHON ?= python3
VENV ?= .venv
OUT ?= results/example
STUDY ?= notebooks/studies/aml_northwest_england/study.toml
BIN := $(VENV)/bin
LOCK = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

.DELETE_ON_ERROR:
.PHONY: help install demo study notebooks test fuzz check bench bench-large simulation reference lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.runtime ## install survmodel from the lock into $(VENV) and compile its kernels

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "survmodel needs Python 3.11 or newer, found %d.%d: make PYTHON=python3.12 ..." % v[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/survmodel warm-up
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.runtime ## write the SYNTHETIC example study, analyse it and write a report
	$(BIN)/survmodel demo $(OUT)

study: $(VENV)/.runtime ## analyse STUDY=path/to/study.toml, the leukemia cohort of northwest England without it
	$(BIN)/survmodel run $(STUDY)

notebooks: $(VENV)/.dev ## execute the notebooks, each in a temporary folder
	$(BIN)/python -m pytest tests/notebooks

test: $(VENV)/.dev ## run all tests
	$(BIN)/survmodel warm-up
	$(BIN)/python -m pytest -n 2 --dist loadfile

fuzz: $(VENV)/.dev ## read many damaged files, new ones each time
	SURVMODEL_FUZZ=50 $(BIN)/python -m pytest tests/data/test_reader_fuzz.py tests/bad_input/test_fuzz_of_studies.py

check: $(VENV)/.dev ## format, lint, types and import rule
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

bench: $(VENV)/.dev ## measure the speed budgets (CPU seconds and ratios)
	PYTHONPATH=tests $(BIN)/python -m benchmarks.bench

bench-large: $(VENV)/.dev ## measure the budgets of a million patients (needs R and 2 GB)
	PYTHONPATH=tests $(BIN)/python -m benchmarks.bench --large

simulation: $(VENV)/.dev ## run the simulation checks with all replicates, and write their table
	PYTHONPATH=tests:. $(BIN)/python -m simulation.run

reference: ## compute the R answers anew (needs R with survival, jsonlite, cmprsk, riskRegression, rms, Hmisc, glmnet, ranger and mice)
	Rscript tests/reference/make_cases.R
	Rscript tests/reference/cohorts.R
	Rscript tests/reference/competing.R
	Rscript tests/reference/exact_ties.R
	Rscript tests/reference/time_varying.R
	Rscript tests/reference/group_effects.R
	Rscript tests/reference/imputation.R
	Rscript tests/reference/splines.R
	Rscript tests/reference/brier.R
	Rscript tests/reference/auc.R
	Rscript tests/reference/separation.R
	Rscript tests/reference/decision.R
	Rscript tests/reference/calibration.R
	Rscript tests/reference/parametric.R
	Rscript tests/reference/elastic_net.R
	Rscript tests/reference/forest.R
	Rscript tests/reference/simulation.R

lock: ## resolve the dependencies anew (needs uv)
	$(LOCK) --group build --output-file requirements.lock
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove the environment, results and caches
	rm -rf $(VENV) results build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
