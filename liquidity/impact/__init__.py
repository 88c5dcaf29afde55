"""What it costs to trade: impact models, their calibration and blend, and the one surface that all of risk derives from.

Read next: ``surface.py``.
"""
