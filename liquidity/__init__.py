"""All thinking of the platform, pure: no Dagster, network, file, environment, wall clock or global random state.

Read next: ``liquidity.domain`` (the words), ``liquidity.contracts`` (the tables), then ``measures`` -> ``features`` -> ``index``.
"""

__all__: list[str] = []
