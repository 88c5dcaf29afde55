"""Dagster IO: contract tables in the lake, and the asset checks made from contracts.

Read next: ``contract_parquet.py`` (write and read), ``contract_checks.py`` (blocking checks).
"""

__all__: list[str] = []
