# Two commands matter: `make book` and `make test`.  Both set up what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# What runs is what is installed and nothing else, whatever the caller's shell holds.
# Compiled files are kept, or each of the many kernels and workers would compile the package anew.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE
export PYTHONNOUSERSITE := 1
export PYTHONUTF8 := 1
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help ready book pdf test check lint bench studies gallery instructor student figures lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

# The environment: exact versions with hashes from requirements.lock, then this package itself.
ready:
	@PYTHON='$(PYTHON)' CHOSEN='$(filter-out file default,$(origin PYTHON))' sh tools/environment.sh $(VENV)

# Debian's names of what a PDF needs beside Python
TEX := latexmk texlive-xetex texlive-latex-extra texlive-fonts-recommended tex-gyre lmodern fonts-freefont-otf xindy

pdf: ready ## build the book as one PDF (needs LaTeX, see the README)
	@for tool in latexmk xelatex xindy; do command -v $$tool >/dev/null || { \
	  echo "make pdf needs $$tool. On Debian or Ubuntu: apt-get install $(TEX)"; exit 1; }; done
	@$(BIN)/jupyter-book build --builder pdflatex --path-output _build/pdf . \
	  && cp _build/pdf/_build/latex/fitting-neural-scaling-laws.pdf _build/ \
	  && echo "The book is printed: open _build/fitting-neural-scaling-laws.pdf"

book: ready ## build the book into _build/html
	@sh tools/book.sh $(BIN) && echo "The book is built: open _build/html/index.html"

test: ready ## lint, type-check, test, build the book from scratch and inspect it
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest

check: ready ## the quick part: lint, type-check, test the package (no book, no browser)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -m "not book and not slow"

lint: ready ## ruff on code and notebooks, ty on the package, import-linter on its folders
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(BIN)/python tools/lint_chapters.py
	$(BIN)/ty check --python $(BIN)/python
	$(BIN)/lint-imports --no-cache

bench: ready ## time the fits beside what people would use instead (minutes)
	@mkdir -p _build
	@$(BIN)/python -m pytest benchmarks --quiet --benchmark-quiet \
	  --benchmark-timer=time.process_time --benchmark-json=_build/benchmark.json
	@$(BIN)/python benchmarks/report.py _build/benchmark.json

studies: ready ## examine every public table anew and say what differs from the stored run (fetches them once)
	@$(BIN)/python tools/studies.py
	@$(BIN)/python tools/retold.py

gallery: ready ## renew the stored pictures that the tests compare with
	@$(BIN)/python tests/plotting/gallery.py

instructor: ready ## run the problem sets: solved editions with rubric into _build/course/instructor
	@$(BIN)/python tools/editions.py instructor

student: instructor ## make the problem sets' student editions in _build/course/student
	@$(BIN)/python tools/editions.py student

figures: ready ## write every figure as SVG and PDF, for slides, into _build/figures
	@$(BIN)/python tools/figures.py

lock: ready ## renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --extra book --extra test --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-emit-index-url --no-header --upgrade -o requirements.lock

clean: ## remove everything generated except the environment
	rm -rf _build .pytest_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find scalinglab tests tools benchmarks book notebooks -name __pycache__ -prune -exec rm -rf {} +
