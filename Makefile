# What a developer types. `make check` is what must pass before a change lands.
.PHONY: check test quick lint slow torture site

check:
	.ci/run

test:
	python -m pytest -q

quick:
	python -m pytest -q -m "not slow and not long"

lint:
	ruff check .
	ruff format --check .
	mypy

slow:
	python -m pytest -q -m slow

torture:
	python -m tests.torture pictures --count 20000
	python -m tests.torture videos --count 5000
	python -m tests.torture checkpoints --count 2000
	python -m tests.torture settings --count 20000
	python -m tests.torture picture_kills --count 300
	python -m tests.torture video_kills --count 300

site:
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict
