# SPDX-License-Identifier: MIT
# Everything a developer does. On a fresh machine: python3 (3.11 or later) with venv and headers, a C compiler, make.
# `make help` lists the targets; each makes what it needs first, and a second run does only what has changed.

PYTHON ?= python3
VENV ?= .venv
BIND ?= 127.0.0.1:8000
SECONDS ?= 30
CC ?= cc

ROOT := $(CURDIR)
PY := $(ROOT)/$(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --retries 10 --timeout 60
# The virtual environment's name tells one Python's stamps from another's (`make test-all`).
TAG := $(subst /,_,$(VENV))
TOOLS := $(VENV)/.stamp-tools
RELEASE := build/.stamp-release$(TAG)
DEBUG := build/.stamp-debug$(TAG)
SANITIZE := build/.stamp-sanitize$(TAG)
COMPILED := $(shell find fastcorn \( -name '*.pyx' -o -name '*.pxd' \)) $(wildcard csrc/*.c csrc/*.h) setup.py
PLAIN := $(shell find fastcorn \( -name '*.py' -o -name '*.pyi' -o -name py.typed \))
MODULES = $(subst /,.,$(basename $(shell find fastcorn -name '*.pyx')))
PYTEST := -m pytest -q -p no:cacheprovider
QUICK := -m 'not slow and not program'

# Where the tests find fastcorn. PYTHONSAFEPATH keeps the current folder, which holds the release build, off the path.
IN_TREE := PYTHONPATH=$(ROOT)
IN_DEBUG := PYTHONSAFEPATH=1 PYTHONPATH=$(ROOT)/build/debug:$(ROOT) FASTCORN_TEST_BUILD=$(ROOT)/build/debug
IN_SANITIZE := PYTHONSAFEPATH=1 PYTHONPATH=$(ROOT)/build/sanitize:$(ROOT) FASTCORN_TEST_BUILD=$(ROOT)/build/sanitize

.PHONY: help serve build build-debug test test-rest test-full test-all pytest pytest-debug pytest-slow pytest-programs \
        test-sanitize ctest ctest-clang fuzz conformance lint format format-c types bench dist wheelhouse ci clean distclean
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# --- the environment -------------------------------------------------------------------------------------------------

$(VENV)/.stamp-made:
	@command -v $(PYTHON) >/dev/null || { echo "make: no $(PYTHON): install Python 3.11 or later, or say PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1): fastcorn needs 3.11 or later; say PYTHON=python3.12, for example"; exit 1; }
	@command -v $(firstword $(CC)) >/dev/null || { echo "make: no C compiler ($(CC)): install gcc or clang (Debian: build-essential)"; exit 1; }
	@$(PYTHON) -c 'import sysconfig, os, sys; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || { \
	  echo "make: no Python.h for $(PYTHON): install its headers (Debian: python3-dev)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "make: $(PYTHON) has no venv module (Debian: install python3-venv)"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(TOOLS): pyproject.toml $(VENV)/.stamp-made
	@for try in 1 2 3; do \
	  $(PIP) install -qq 'pip>=25.1' && $(PIP) install -qq --group dev && break; \
	  [ $$try -lt 3 ] || { echo "make: pip could not install the tools (see above); is there a network?"; exit 1; }; \
	  echo "make: pip failed, trying again"; sleep 5; \
	done
	@touch $@

# --- building --------------------------------------------------------------------------------------------------------

build: $(RELEASE)  ## compile fastcorn in place (release)
build-debug: $(DEBUG)  ## compile a bounds-checked copy under build/debug

$(RELEASE): $(COMPILED) $(TOOLS)
	@mkdir -p build
	$(PY) setup.py -q build_ext --inplace --build-temp build/temp-release
	@touch $@

$(DEBUG): $(COMPILED) $(PLAIN) $(TOOLS)
	@mkdir -p build/debug && find build/debug -name '*.py' -delete
	FASTCORN_DEBUG=1 $(PY) setup.py -q build --build-base build --build-lib build/debug --build-temp build/temp-debug
	@touch $@

$(SANITIZE): $(COMPILED) $(PLAIN) $(TOOLS)
	@mkdir -p build/sanitize && find build/sanitize -name '*.py' -delete
	FASTCORN_SANITIZE=1 $(PY) setup.py -q build --build-base build --build-lib build/sanitize --build-temp build/temp-sanitize
	@touch $@

serve: $(RELEASE)  ## build, then serve examples/hello.py on http://127.0.0.1:8000 (BIND=...)
	$(IN_TREE) $(PY) -m fastcorn --bind $(BIND) examples/hello.py:app

# --- testing ---------------------------------------------------------------------------------------------------------

test: $(TOOLS)  ## build and run every test that needs only python3, a C compiler and make
	@MAKE="$(MAKE)" .ci/stages ctest build pytest build-debug pytest-debug pytest-slow lint types

test-rest: $(TOOLS)  ## what test-full adds: fuzzing, clang, sanitizers, tests that use curl or wrk
	@MAKE="$(MAKE)" .ci/stages ctest-clang:clang fuzz:clang test-sanitize:gcc pytest-programs

test-full: test test-rest  ## test, and all that needs clang, curl and wrk; says what it could not run

test-all: $(TOOLS)  ## the Python tests on every CPython found (3.11, 3.12, 3.13)
	@found=""; for version in 3.11 3.12 3.13; do \
	  for python in $$(command -v python$$version) $$HOME/.pyenv/versions/$$version.*/bin/python; do \
	    [ -x "$$python" ] && "$$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$$version')" 2>/dev/null || continue; \
	    printf '\n######## Python %s (%s)\n' $$version $$python; \
	    $(MAKE) --no-print-directory PYTHON=$$python VENV=.venv-$$version pytest pytest-debug || exit 1; \
	    found="$$found $$version"; break; \
	  done; \
	done; echo; echo "tested on:$$found"; for version in 3.11 3.12 3.13; do \
	  case "$$found " in *" $$version "*) ;; *) echo "not tested: no Python $$version was found" ;; esac; done

pytest: $(RELEASE)  ## the Python tests on the release build (ARGS=...)
	$(IN_TREE) $(PY) $(PYTEST) $(QUICK) $(ARGS)

pytest-debug: $(DEBUG)  ## the Python tests on the debug build (ARGS=...)
	$(IN_DEBUG) $(PY) $(PYTEST) $(QUICK) $(ARGS)

pytest-slow: $(RELEASE) wheelhouse  ## the tests that are run once: sdist and wheel
	$(IN_TREE) $(PY) $(PYTEST) -m slow $(ARGS)

pytest-programs: $(RELEASE)  ## the Python tests that need curl, wrk and the like
	$(IN_TREE) $(PY) $(PYTEST) -m program --programs $(ARGS)

test-sanitize: $(SANITIZE)  ## protocol tests with the extensions under ASan and UBSan
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" PYTHONMALLOC=malloc \
	  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	  $(IN_SANITIZE) $(PY) $(PYTEST) $(QUICK) tests/protocols tests/asgi tests/fuzz $(ARGS)

ctest:  ## the C tests under ASan and UBSan
	@$(MAKE) --no-print-directory -C csrc test

ctest-clang:  ## the C tests, compiled by clang
	@$(MAKE) --no-print-directory -C csrc test-clang

fuzz:  ## libFuzzer on each parser, SECONDS=30 a target, two at a time (clang)
	@$(MAKE) --no-print-directory -j2 -C csrc fuzz SECONDS=$(SECONDS)

conformance: $(RELEASE)  ## the Autobahn testsuite on both WebSocket engines (needs a Python 2.7; ARGS=...)
	$(IN_TREE) $(PY) -m conformance --write docs/conformance.md $(ARGS)

lint: $(TOOLS)  ## ruff, ruff format --check, cython-lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	PATH="$(ROOT)/$(VENV)/bin:$$PATH" cython-lint fastcorn  # it calls pycodestyle from the path

types: $(RELEASE)  ## mypy --strict, and the stubs against the compiled modules
	$(IN_TREE) $(PY) -m mypy
	$(IN_TREE) $(PY) -m mypy.stubtest --concise $(MODULES)

format: $(TOOLS)  ## rewrite the Python files in the project's form
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

# --- measuring, packing ----------------------------------------------------------------------------------------------

bench: $(RELEASE)  ## measure fastcorn and its peers (installs them into .venv-bench; needs wrk)
	@command -v wrk >/dev/null || { echo "make: bench needs wrk (Debian: install wrk)"; exit 1; }
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/.stamp-bench build
	PYTHONPATH=$(ROOT) $(ROOT)/.venv-bench/bin/python -m bench http1 $(ARGS)

.venv-bench/.stamp-bench: pyproject.toml $(TOOLS)
	$(PIP) install -qq --group bench
	@touch $@

wheelhouse: build/wheelhouse/.stamp  # what an installed wheel depends on, fetched once
build/wheelhouse/.stamp: pyproject.toml $(TOOLS)
	$(PIP) download -qq --only-binary :all: --dest build/wheelhouse --group run
	@touch $@

dist: $(TOOLS)  ## the sdist, and a wheel built from it, under dist/
	$(PY) -m build --outdir dist

ci:  ## copy wheels.yml to where GitHub looks for it
	mkdir -p .github/workflows && cp wheels.yml .github/workflows/wheels.yml

clean:  ## remove what was built
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name '__pycache__' -not -path './.venv*' -prune -exec rm -rf {} +
	find fastcorn -name '*.so' -delete

distclean: clean  ## remove the virtual environments too
	rm -rf .venv .venv-*
