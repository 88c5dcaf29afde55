"""What the past says of the platform's own numbers: whether low scores and alarms came before trouble.

Order of reading: ``outcomes`` (what trouble is) -> ``rank_bootstrap`` -> ``score_validation`` -> ``warning_validation`` ->
``weight_review``.
"""

__all__: list[str] = []
