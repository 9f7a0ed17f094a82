# The verbs of this project; `just` comes with the development environment: uv run just VERB

# everything that must be clean before a commit
check: lint types rooms test

lint:
    uv run ruff check
    uv run ruff format --check

types:
    uv run mypy

rooms:
    uv run lint-imports

test *ARGS:
    uv run pytest -n 2 {{ARGS}}

# the rehearsal on this machine's CPU
rehearse *ARGS:
    uv run pytest acceptance/ --sla-profile embedded {{ARGS}}

# the whole rehearsal over canary secrets, and a search of everything that it leaves: a quarter of an hour
leaks FOLDER="reports/leaks":
    uv run python ci/leaks.py --folder {{FOLDER}}

# the JSON Schemas that ship with the package, from their sources
schemas:
    uv run python -m pytest_rawrxd.profile.json_schema

# the change log of the next release, from the fragments
changelog VERSION:
    uv run towncrier build --version {{VERSION}}
