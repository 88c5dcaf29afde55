"""Code location of execution: what orders may rely on, and the sensors on a short schedule.

It loads without pandas, so that its processes start quickly. Read next: ``upstream.py``, ``order_eligibility.py``,
``stale_pulse.py``, ``definitions.py``.
"""

__all__: list[str] = []
