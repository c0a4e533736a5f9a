# `make` or `make help` lists what there is. Each target works alone, from a fresh clone.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
OUT := samples/out
# CPU builds of PyTorch, a tenth of the size of those with CUDA; asked only where no NVIDIA driver is found
TORCH_CPU := https://download.pytorch.org/whl/cpu
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$p" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

# threads of several processes that spin while they wait starve each other on few cores
export GOMP_SPINCOUNT ?= 0
export OMP_WAIT_POLICY ?= PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast lint evaluate samples picture bench clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED)  ## make .venv and install vidcolor into it, editable, with everything the targets need

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or later with venv is needed on the PATH (Debian: apt install python3-venv), or PYTHON=/path/to/python" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if ! command -v nvidia-smi >/dev/null && $(BIN)/python -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)' $(TORCH_CPU)/torch/ 2>/dev/null; \
	then index='--extra-index-url $(TORCH_CPU)'; else index=''; fi; \
	set -x; $(BIN)/python -m pip install -q $$index -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[decord,dev]'
	@# torchvision is optional: only a build that belongs to this torch is of use
	@if ! $(BIN)/python -c 'import torchvision' 2>/dev/null; then \
	case "$$($(BIN)/python -c 'import torch; print(torch.__version__)')" in *+cpu) index='--index-url $(TORCH_CPU)';; *) index='';; esac; \
	$(BIN)/python -m pip install -q --retries 0 --timeout 10 --no-deps --only-binary :all: $$index -c constraints.txt torchvision >/dev/null 2>&1 \
	&& $(BIN)/python -c 'import torchvision' 2>/dev/null || { $(BIN)/python -m pip uninstall -q -y torchvision >/dev/null 2>&1; \
	echo "make: no torchvision for this torch here; vidcolor works without (--encoder vgg19 then has no ImageNet weights)"; }; fi
	@touch $@

demo: $(INSTALLED)  ## colour the sample film and say where the result is
	@mkdir -p $(OUT)
	$(BIN)/vidcolor samples/film.mp4 --refs samples/refs.csv -y -o $(OUT)/film.color.mkv
	@$(BIN)/python scripts/make_before_after.py samples/film.mp4 $(OUT)/film.color.mkv --refs samples/refs.csv -o $(OUT)/contact-sheet.png
	@echo "The film in colour:  $(CURDIR)/$(OUT)/film.color.mkv"
	@echo "Film, keys, result:  $(CURDIR)/$(OUT)/contact-sheet.png"

test: lint  ## ruff, mypy and all tests
	$(BIN)/python -m pytest

test-fast: lint  ## the same without the slow tests
	$(BIN)/python -m pytest -m 'not slow'

lint: $(INSTALLED)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

evaluate: $(INSTALLED)  ## measure on clips in colour: make evaluate DATA=folder [ARGS='--keys last --jobs 2']
	@test -n "$(DATA)" || { echo "make: name a folder of clips in colour: make evaluate DATA=folder" >&2; exit 1; }
	$(BIN)/python scripts/evaluate.py --data '$(DATA)' $(ARGS)

samples: $(INSTALLED)  ## make samples/ anew
	$(BIN)/python scripts/make_samples.py

picture: demo  ## make the README's before/after picture anew
	$(BIN)/python scripts/make_before_after.py samples/film.mp4 $(OUT)/film.color.mkv --refs samples/refs.csv -o docs/before-after.png

bench: $(INSTALLED)  ## frames per second of each stage: make bench [ARGS='--memory']
	$(BIN)/python scripts/benchmark.py $(ARGS)

clean:  ## remove .venv, caches and what the targets made (not samples/)
	rm -rf $(VENV) $(OUT) runs build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
