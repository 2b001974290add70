# The two commands of the README: `make sandbox` and `make test`. Everything else is for developers.
PYTHON ?= python3
PROFILE ?= default
NODES ?=
BIN := .venv/bin
INSTALLED := .venv/.installed
# Tests start hundreds of Python programs: with cached bytecode, each starts in half the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: sandbox sandbox-down test test-real test-fast test-programs lint ci bench clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make sandbox       a real cluster with Argo CD and Gitea on this machine, synced from Git"
	@echo "make sandbox-down  stop it and delete its data"
	@echo "make test          every test, on the real parts"
	@echo "make test-real     those with pods that run, on a real node; Linux, as root"
	@echo "make test-fast     those that need no cluster and build nothing"
	@echo "make test-programs  build what tests run; make test does it first"
	@echo "make lint          ruff, mypy --strict, import-linter"
	@echo "make ci            what CI runs: lint and test"
	@echo "make bench         every figure that has a goal, against kubectl, kustomize and git"

$(INSTALLED): setup.cfg pyproject.toml requirements-dev.txt
	@$(PYTHON) -I -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -I -m venv .venv
	$(BIN)/python -I -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -I -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

sandbox: $(INSTALLED)
	@$(BIN)/bootstrap sandbox up --init --profile $(PROFILE) $(if $(NODES),--nodes $(NODES))

sandbox-down: $(INSTALLED)
	@$(BIN)/bootstrap sandbox down --purge

# Get what tests run, with progress, before pytest starts: nothing is compiled inside a test.
test-programs: $(INSTALLED)
	$(BIN)/python -m tests.tools

# Of what needs no cluster, the files that take the most processor time: they lay out whole repositories, race, or
# start a program as a server.
SLOW := sandbox app ci catalog upgrade uninstall test_package.py test_counted.py argocd/test_server.py cel/test_evaluator.py \
  diff/test_two_readings.py $(addprefix git/test_,thin.py commits.py) http/test_download.py \
  $(addprefix edit/test_,group.py interrupted.py busy_host.py refused.py review.py) \
  $(addprefix image/test_,push.py set_properties.py) kube/test_hostile.py \
  $(addprefix layout/test_,old_catalogs.py user_edits.py merge_properties.py) providers/test_github.py \
  validate/own/test_own.py validate/test_charts.py \
  $(addprefix commands/test_,init.py init_signed.py signed.py image_built_at.py image_cut_off.py \
  image_helm.py image_race.py image_rendered.py image_rollback.py init_verify.py init_images.py component.py ci.py diff.py \
  lists.py untrusted_charts.py untrusted_fuzz.py untrusted_sizes.py untrusted_tried.py)

# What needs no cluster and builds nothing, without the slow files: for the minutes between two edits.
test-fast: $(INSTALLED)
	$(BIN)/python -m tests.tools kustomize helm
	$(BIN)/python -m pytest -q -n 3 --dist loadfile $(SLOW:%=--ignore=tests/%)

# How tests are shared out: tests/scheduling.py.
test: $(INSTALLED) test-programs
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

# Pods that run, on a real node: builds kubelet, containerd and what belongs to them first.
test-real: $(INSTALLED)
	$(BIN)/python -m tests.tools real
	$(BIN)/python -m pytest tests/real

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

ci: lint test

bench: $(INSTALLED)
	$(BIN)/python -m bench

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
