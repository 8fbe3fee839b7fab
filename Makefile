# Every verb is a line you could type yourself. `make` alone lists them.
PYTHON ?= python3
# The service.env of the service that is meant: `make deploy ENV=staging.env`.
ENV     = service.env
RUN     = .venv/bin/python

.PHONY: help up test load lint secrets deploy
help:               ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## +/\t/' | expand -t 14

# `=`, not `?=`: a PORT or URL that a shell has for something else does not count.
PORT = $(or $(shell sed -n 's/^LB_PORT=//p' $(ENV)),8150)
URL  = http://localhost:$(PORT)/mcp
# Who calls: `make load HEADER="Authorization: Bearer $$(cat secrets/first_token)"`.
HEADER =

up: .venv           ## serve here, without Docker: 3 replicas on http://localhost:8150/mcp; PORT=
	$(RUN) -m deploy.local --port $(PORT) --env $(ENV)

test: .venv         ## the tests
	$(RUN) -m pytest $(TESTS)

load: .venv         ## load http://localhost:8150/mcp and show the spread over replicas; PORT=, URL=, HEADER=
	$(RUN) test_swarm_load.py --url '$(URL)' $(if $(HEADER),--header '$(HEADER)') --requests 300 --concurrent 50

lint: .venv         ## ruff and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check . || { echo 'Next: .venv/bin/ruff format .' >&2; exit 1; }
	.venv/bin/mypy

secrets:            ## make the missing files of secrets/
	$(PYTHON) deploy/make_secrets.py

deploy:             ## build, deploy and wait for it, on a Swarm of this node if there is none
	$(PYTHON) -m deploy --env $(ENV)

# uv comes from the index like any package; `uv` on the PATH is used if there is one.
UV = $(or $(shell command -v uv),.uv/bin/uv)
.uv/bin/uv:
	$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

.venv: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(0 if sys.version_info >= (3, 11) else f"Python {v} found, 3.11 or later needed. Next: make PYTHON=python3.13")'
	UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch .venv

# Only where the library itself is developed: its Swarm tests, proofs and comparison.
-include lab/Makefile
