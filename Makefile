# Each target does its own set-up: a virtual environment in .venv, and for `make test` a Chromium where none is found.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo run calibrate score quick test check format bench engines verify fuzz clean

# the first Python 3.10 to 3.12 that really runs
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && { echo $$python; break; }; done)
GRADIO := $(shell sed -n 's/^sdk_version: *//p' README.md)
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
BIN := .venv/bin
SOURCES := app.py megastyle
# a file of tests goes to one of two workers as a whole; what they share is prepared before the clock of any test runs
RUN_TESTS = $(BIN)/python -m megastyle.demo --prepare && $(BIN)/python -m pytest -n 2 --dist loadfile

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: .venv/.app ## start the page on a tiny encoder trained in under a minute; no weights, no network
	$(BIN)/python -m megastyle.demo

run: .venv/.app ## start the page on MegaStyle-Encoder; the first time it downloads 0.86 GB
	$(BIN)/python app.py

calibrate: .venv/.app ## measure what a score is worth: make calibrate PICTURES=FOLDER, which holds one subfolder a style
	@[ -n "$(PICTURES)" ] || { echo "Name the folder: make calibrate PICTURES=FOLDER"; exit 2; }
	$(BIN)/python -m megastyle.calibrate "$(PICTURES)" $(if $(NAME),--name "$(NAME)")

score: .venv/.app ## score folders of pictures: make score TESTS="FOLDER ..." REFERENCES=FOLDER [OUT=STEM] [DEMO=1]
	@[ -n "$(TESTS)" ] && [ -n "$(REFERENCES)" ] || { echo "Name them: make score TESTS=FOLDER REFERENCES=FOLDER"; exit 2; }
	@$(if $(DEMO),encoder=$$($(BIN)/python -m megastyle.demo --prepare | sed -n 's/^The encoder is ready in \(.*\)\.$$/\1/p') && \
	MEGASTYLE_BACKBONE=$$encoder/backbone MEGASTYLE_CHECKPOINT=$$encoder/megastyle_encoder.pth MEGASTYLE_CALIBRATION=$$encoder/calibration.json) \
	$(BIN)/python -m megastyle.score $(TESTS) --references "$(REFERENCES)" $(if $(OUT),--out "$(OUT)") $(OPTIONS)

quick: .venv/.tools ## run the tests of the parts: no whole command, server, browser or platform
	$(RUN_TESTS) tests/unit

test: .venv/.tools .venv/.browser ## run all tests: those of quick, of the commands, on a server, in a browser, on an emulated platform
	$(RUN_TESTS)

check: .venv/.tools ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES) bench

format: .venv/.tools ## put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.tools ## measure start, speed and memory side by side; needs 6.5 GB of disk, 8 GB of memory and some minutes
	$(BIN)/python bench/run.py

engines: .venv/.tools ## visit the page in Firefox and in Safari's engine, as far as they are installed; PAGE=ADDRESS for one that runs
	@PYTHONPATH=.:tests $(BIN)/python -m engines $(PAGE)

verify: .venv/.tools .venv/.browser ## check a deployed page: SPACE=owner/name or its address
	@[ -n "$(SPACE)" ] || { echo "Name the page: make verify SPACE=owner/name, or SPACE=http://127.0.0.1:7860"; exit 1; }
	@PYTHONPATH=.:tests $(BIN)/python -m verify $(SPACE) $(OPTIONS)

fuzz: .venv/.tools ## a longer run of the fuzz tests
	FUZZ_EXAMPLES=5000 $(BIN)/python -m pytest tests/unit/test_fuzz.py

clean: ## remove what the other targets have made here
	rm -rf .venv .demo .pytest_cache .ruff_cache .mypy_cache .hypothesis

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.10, 3.11 or 3.12 is needed and was not found; name one with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "The venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }

# what the platform installs: requirements.txt, and Gradio in the version that README.md names
.venv/.app: .venv/bin/python requirements.txt README.md
	$(BIN)/python -m pip install --quiet -r requirements.txt "gradio[oauth]==$(GRADIO)"
	@touch $@

.venv/.tools: .venv/.app tests/requirements.txt
	$(BIN)/python -m pip install --quiet -r tests/requirements.txt
	@touch $@

.venv/.browser: .venv/.tools
	@for browser in $(BROWSERS); do command -v $$browser >/dev/null && exec touch $@; done; \
	if [ "$$(id -u)" = 0 ] && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
	elif [ "$$(id -u)" = 0 ]; then $(BIN)/playwright install --with-deps chromium; \
	else $(BIN)/playwright install chromium; fi && touch $@
