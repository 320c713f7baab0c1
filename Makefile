# `make help` lists the targets. Everything is installed into .venv, nothing outside of this folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install demo test lint bench soak train evaluate fuzz clean

# The first Python that MediaPipe has wheels for (3.10 to 3.12); `make PYTHON=... demo` takes another.
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& { echo $$p; exit; }; done; echo python3)
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --disable-pip-version-check -q
# torch is installed first and alone: `make TORCH='torch==2.13.* --index-url ...' demo` for another build of it.
TORCH ?= torch==2.13.*
EXTRAS := ros,pose,demo,video,train,evaluate,bag,datasets,test
SOURCE ?=
DATA ?= data/utd_mhad
OUTPUT ?= runs/default
FOLDERS ?= data
MINUTES ?= 30
RATE ?= 30
JOBS ?= 2
CHECKPOINT ?= mujo_core/pretrained/default

help:  ## this list
	@awk -F ' *## *' '/^[a-z]+:.*##/ {sub(":.*", "", $$1); printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## make .venv with everything the other targets need

# One pip call for all the rest: a later one that brings another protobuf would break MediaPipe.
$(VENV)/.installed: setup.cfg setup.py pyproject.toml Makefile scripts/check_system.py
	@$(PYTHON) scripts/check_system.py
	@[ -x $(RUN) ] || $(PYTHON) -m venv $(VENV)
	@echo 'installing PyTorch, ROS 2 and the rest into $(VENV) (once, some minutes) ...'
	@$(PIP) "$(firstword $(TORCH))" $(wordlist 2,9,$(TORCH))
	@$(PIP) -e '.[$(EXTRAS)]'
	@$(PIP) --no-deps 'sports2d>=0.8,<0.9'
	@touch $@

demo: $(VENV)/.installed  ## play a video through the real topics to /activity; SOURCE=my.mp4 or SOURCE=0 (webcam)
	@$(RUN) -m mujo_ros.demo $(if $(SOURCE),--source '$(SOURCE)')

test: $(VENV)/.installed  ## all tests (real DDS, real files), in JOBS=2 processes
	$(RUN) -m pytest -n $(JOBS) --dist loadfile

lint: $(VENV)/.installed  ## ruff and mypy
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(VENV)/.installed  ## speed, each figure beside its limit
	$(VENV)/bin/mujo bench

soak: $(VENV)/.installed  ## a build killed ten times; then har_node at full load: MINUTES=30 RATE=30; figures in soak_30hz.json
	MUJO_KILLS=10 $(RUN) -m pytest test/core/test_build.py
	$(RUN) -m mujo_ros.soak --minutes $(MINUTES) --rate $(RATE) --json soak_$(RATE)hz.json

train: $(VENV)/.installed  ## train on all data sets that are found: FOLDERS=folders that hold them by name (A,B), OUTPUT=checkpoint
	$(VENV)/bin/mujo train --config config/experiment/default.yaml --data.folders '[$(FOLDERS)]' --output '$(OUTPUT)'

evaluate: $(VENV)/.installed  ## score a checkpoint: DATA=folder of UTD-MHAD, CHECKPOINT=folder
	$(VENV)/bin/mujo evaluate --checkpoint '$(CHECKPOINT)' --dataset utd_mhad --root '$(DATA)' --split test

fuzz: $(VENV)/.installed  ## look for files and messages that crash what reads them, SECONDS=60 for each kind (atheris)
	@$(RUN) -c 'import atheris' 2>/dev/null || $(PIP) 'atheris>=3,<4'
	@mkdir -p fuzz_out && cd fuzz_out && for target in $(or $(TARGET),$$(../$(RUN) ../test/fuzz --list)); do \
		echo "$$target"; ../$(RUN) ../test/fuzz $$target $(or $(SECONDS),60) > log 2>&1 || { tail -20 log; exit 1; }; \
		grep Done log; done

clean:  ## remove .venv and everything made here
	rm -rf $(VENV) soak_*.json build install log demo_out fuzz_out runs *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
