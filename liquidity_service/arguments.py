"""How words of the command line become days, times and numbers, each with its own refusal."""

import argparse
import math
from datetime import date, datetime

__all__ = ["above_zero", "day", "moment"]


def day(text: str) -> date:
    """Read a day, ``YYYY-MM-DD``."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as YYYY-MM-DD") from None


def moment(text: str) -> datetime:
    """Read a time that names its zone."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as 2026-11-20T18:00:00+00:00") from None
    if told.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; write it as {text}+00:00")
    return told


def above_zero(text: str) -> float:
    """Read a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not (math.isfinite(number) and number > 0.0):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number
