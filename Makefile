# Everything a fresh machine needs is done by these targets; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow fuzz check dev dist wheels lock clean
PY := .venv/bin/python
# A worker for each core, four at most: the tests that draw take a core and some hundred MB each.
BESIDE := -n auto --maxprocesses 4 --dist worksteal

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## the whole main job against a local stand-in: licence, seat, package, picture, video, seat back (ARGS="--avatar FILE")
	@scripts/setup.sh full
	@.venv/bin/avatar-agent demo $(ARGS)

test: ## install what is missing and run the tests (ARGS="tests/certs -x")
	@scripts/setup.sh dev
	@$(PY) -m pytest $(BESIDE) -m "not slow" $(ARGS)

test-slow: ## the long suites as well
	@scripts/setup.sh dev
	@$(PY) -m pytest $(BESIDE) $(ARGS)

fuzz: ## fuzz every reader of foreign data, guided by coverage (SECONDS=3600, TARGET=package, ARGS="--json")
	@scripts/setup.sh fuzz
	@build/fuzz-tools/bin/python scripts/fuzz.py $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TARGET),--target $(TARGET)) $(ARGS)

check: ## ruff, mypy --strict, and who may import whom
	@scripts/setup.sh tools
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m pytest tests/test_architecture.py

dev: ## install everything, run nothing
	@scripts/setup.sh dev

dist: ## wheel, source archive, bills of materials and checksums in build/dist, the same bytes each time (ARGS="--key KEY.pem")
	@scripts/setup.sh dist
	@rm -rf build/dist
	@build/dist-tools/bin/python scripts/dist.py $(ARGS)

wheels: ## does every locked dependency have wheels for x86-64 and aarch64?
	@scripts/setup.sh tools
	@$(PY) scripts/check_wheels.py

lock: ## rewrite the lock files from requirements/*.in (needs uv)
	@scripts/lock.sh

clean: ## remove the virtual environment and everything that was built
	@rm -rf .venv build out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
