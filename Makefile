# Two commands matter: `make book` and `make test`.  Both set up what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help book pdf test lint bench instructor student figures lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment: exact versions with hashes from requirements.lock, then this package itself.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v[:2] <= (3, 13) and "scalinglab needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.12 ..." % v[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Debian's names of what a PDF needs beside Python
TEX := latexmk texlive-xetex texlive-latex-extra texlive-fonts-recommended tex-gyre lmodern fonts-freefont-otf xindy

pdf: $(READY) ## build the book as one PDF (needs LaTeX, see the README)
	@for tool in latexmk xelatex xindy; do command -v $$tool >/dev/null || { \
	  echo "make pdf needs $$tool. On Debian or Ubuntu: apt-get install $(TEX)"; exit 1; }; done
	@$(BIN)/jupyter-book build --builder pdflatex --path-output _build/pdf . \
	  && cp _build/pdf/_build/latex/fitting-neural-scaling-laws.pdf _build/ \
	  && echo "The book is printed: open _build/fitting-neural-scaling-laws.pdf"

book: $(READY) ## build the book into _build/html
	@$(BIN)/jupyter-book build -W --keep-going . && echo "The book is built: open _build/html/index.html"

test: $(READY) ## lint, type-check, test, build the book from scratch and inspect it
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(READY) ## ruff on code and notebooks, mypy on the package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@for chapter in notebooks/*.md notebooks/problems/*.md book/intro.md book/data.md book/which_method.md book/corrections.md; do \
	  $(BIN)/jupytext --quiet --to py:percent --output - $$chapter \
	  | $(BIN)/ruff check --quiet --ignore B018,B905,D,E402,E501,E703,I001,SIM300 --stdin-filename $$chapter.py - || exit 1; done
	$(BIN)/mypy

bench: $(READY) ## time the fits beside what people would use instead (minutes)
	@mkdir -p _build
	@$(BIN)/python -m pytest benchmarks -n0 --quiet --benchmark-quiet \
	  --benchmark-timer=time.process_time --benchmark-json=_build/benchmark.json
	@$(BIN)/python benchmarks/report.py _build/benchmark.json

gallery: $(READY) ## renew the stored pictures that the tests compare with
	@$(BIN)/python tests/plotting/gallery.py

instructor: $(READY) ## run the problem sets: solved editions with rubric into _build/course/instructor
	@$(BIN)/python tools/editions.py instructor

student: instructor ## make the problem sets' student editions in _build/course/student
	@$(BIN)/python tools/editions.py student

figures: $(READY) ## write every figure as SVG and PDF, for slides, into _build/figures
	@$(BIN)/python tools/figures.py

lock: $(READY) ## renew requirements.lock from pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile pyproject.toml --extra book --extra test --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-emit-index-url --no-header --upgrade -o requirements.lock

clean: ## remove everything generated except the environment
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
