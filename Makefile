# The commands of a developer. Each works in an environment made by the README's
# first command.

.DEFAULT_GOAL := help
.PHONY: help test compare conformance check format

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## */  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

test:  ## what the passes print (lit) and what compiled code computes (pytest)
	lit -sv tests/filecheck
	pytest -q -n auto --maxprocesses=4 --dist loadfile

compare:  ## against PyTorch and torch-mlir; needs pip install -e '.[compare]'
	pytest -q -n auto --maxprocesses=4 --dist loadfile -m compare

conformance:  ## all of ONNX's own suite; writes docs/conformance.md
	python tests/conformance/report.py

check:  ## formatting, lint and types, changes nothing
	ruff format --check .
	ruff check .
	pyright

format:  ## puts the sources in order
	ruff format .
	ruff check --fix .
