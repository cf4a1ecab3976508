# A newcomer needs two: make demo, make test.
#
#   make demo  [VIDEO=file BOX=x,y,w,h]  camera -> DDS -> tracker, and a report in demo_out/
#   make test  [DISTRO=kilted] [ARGS='-k words']
#   make perturbed                       tests of networks, as on another processor
#   make eval  [DATA=folder JOBS=n]      everything over real sequences -> docs/results/
#   make weights [DATA=folder JOBS=n]   the weights that ship, trained from nothing -> train_out/
#   make gpu   [DATA=folder]             on a machine with an NVIDIA GPU: docs/results/gpu.md
#   make soak  [MINUTES=10 FRAMES=100000 SEED=1]  node under storms, kills and jumps -> soak_out/
#   make bench [ARGS=--published]        ms of the parts and the node; the papers' networks
#   make lint | make setup | make clean
#
# ROS 2 is taken as it is sourced; without it, wheels from PyPI go into .venv.
SHELL := /bin/bash
DISTRO ?=
VENV := .venv$(if $(DISTRO),$(if $(filter $(DISTRO),jazzy $(ROS_DISTRO)),,-$(DISTRO)))
PY := $(VENV)/bin/python

# DDS stays on this machine, and two runs at once (or a robot near by) don't meet.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
ifeq ($(ROS_DISTRO),humble)
export ROS_LOCALHOST_ONLY := 1
endif
export ROS_DOMAIN_ID := $(shell echo $$(( $$$$ % 101 + 1 )))

.PHONY: setup test perturbed demo eval weights gpu soak bench lint clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

setup:
	@bash dev/setup.sh $(VENV) $(DISTRO)

test: setup
	@bash dev/extras.sh $(VENV)
	$(PY) -m pytest -n 2 --dist loadfile -m "not performance" $(ARGS)

# as it was typed: make would take $H of a path for a variable of its own
override export VIDEO := $(value VIDEO)
demo: setup
	$(PY) dev/demo.py --out demo_out $(if $(VIDEO),"--video=$$VIDEO") $(if $(BOX),"--box=$$BOX") $(ARGS)

eval: setup
	bash dev/eval.sh $(PY) $(or $(DATA),../shared/sequences) eval_out $(JOBS)

weights: setup
	@bash dev/extras.sh $(VENV)
	bash dev/train.sh $(PY) train_out $(or $(DATA),../shared/traindata) $(JOBS)

# the tests marked rounding once more, with images and weights a little off: another processor
perturbed: setup
	$(PY) -m pytest -n 2 --dist loadfile -m "not performance" --perturbed $(ARGS)

bench: NANO = $(if $(wildcard ../shared/weights/nanotrackv2),--nano ../shared/weights/nanotrackv2)
bench: setup
	$(PY) -m lg_tracker_ros bench $(NANO) $(ARGS)
	$(PY) -m pytest -q -m performance

gpu: setup
	bash dev/gpu.sh $(VENV) $(or $(DATA),test/data)

soak: setup
	$(PY) dev/soak.py --out soak_out --minutes $(or $(MINUTES),10) --frames $(or $(FRAMES),100000) \
	    --seed $(or $(SEED),1) $(ARGS)

lint: setup
	$(PY) -m ruff check .
	$(PY) -m flake8
	$(PY) -m pydocstyle lg_tracker_ros launch examples test setup.py
	$(PY) -m mypy lg_tracker_ros

clean:
	rm -rf .venv .venv-* .venv*.lock build install log demo_out gpu_out soak_out .coverage .pytest_cache \
	    .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
