"""Checks of the repository that ``make lint`` runs besides ruff, mypy and import-linter."""
