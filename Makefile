# make compare   the main job on real data
# make test      style, types and the whole test suite
# make docs      the site, in build/docs
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: compare test lint pictures docs clean

compare: .venv/run.stamp
	$(BIN)/actlab compare digits

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pictures of the README and the site, by the commands that stand below them there.
pictures: .venv/run.stamp
	$(BIN)/actlab plot sigmoid tanh relu gelu --derivative --save docs/pictures/curves.svg
	$(BIN)/actlab boundary --data spiral --activations identity,relu,tanh,silu --save docs/pictures/boundary.png
	$(BIN)/actlab flow --activations sigmoid,tanh,relu,gelu --depth 30 --save docs/pictures/flow.png

docs: .venv/docs.stamp
	$(BIN)/sphinx-build -q -W --keep-going -b html -d build/doctrees docs build/docs
	@echo wrote build/docs/index.html

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[torch,report]'
	touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

.venv/docs.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[torch,report,keras,docs]'
	touch $@

clean:
	rm -rf .venv build dist docs/generated src/*.egg-info
