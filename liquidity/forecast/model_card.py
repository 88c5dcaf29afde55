"""What a reader must know about a trained forecaster before trusting it: window, inputs, settings, losses, limits.

The card travels inside the stored state and beside it; it holds nothing that changes from run to run.
Read next: ``training.py``, which fills it.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

from liquidity.domain.errors import ContractError
from liquidity.forecast.horizons import HORIZONS, TARGETS
from liquidity.forecast.panel import MarketGroup

__all__ = ["LIMITS", "ModelCard"]

LIMITS: Final = (
    "The bands are empirical: they hold on average over sessions like those of the last year, not in each session.",
    "Scores of instruments that stopped being scored teach nothing about their end.",
    "A score near 0 or 100 cannot move further out; bands end there.",
    "Events announced for the next sessions are not known to the inputs.",
)
"""Limits that hold for every member."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One trained forecaster in words and numbers.

    Attributes
    ----------
    trained_on
        Session (ISO date) at whose close it was trained; also the last session of its data.
    data_from
        First session (ISO date) of the panel it learned from.
    instruments_n, rows_n
        Instruments with at least one score, and labelled rows the final fit saw.
    inputs
        Names of the inputs, in order.
    settings
        Every setting of the training by name.
    code_version
        Release or commit that trained it.
    status
        Status of its forecasts: ``model`` or ``baseline``.
    reason
        Why this member serves, with the figures that decided.
    best_baseline
        Baseline with the least held-out pinball loss.
    held_out
        Figures of the walk-forward evaluation by name, one number per horizon (None where not known).
    left_out
        Members that could not be judged, and why.
    limits
        What the forecasts do not know.
    """

    asset_class: str
    calendar: str
    origin: str
    target: str
    member: str
    kind: Literal["baseline", "model"]
    trained_on: str
    data_from: str
    instruments_n: int
    rows_n: int
    inputs: tuple[str, ...]
    seed: int
    settings: dict[str, Any]
    code_version: str
    status: Literal["baseline", "model"]
    reason: str
    best_baseline: str
    held_out: dict[str, list[float | None]]
    left_out: dict[str, str]
    limits: tuple[str, ...] = LIMITS

    @property
    def group(self) -> MarketGroup:
        """The market it serves."""
        return MarketGroup(self.asset_class, self.calendar, self.origin)

    def to_json(self) -> str:
        """Canonical JSON: equal cards give equal texts."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """The card of :meth:`to_json`.

        Raises
        ------
        ContractError
            Not such a text: a field is missing, unknown or of another type.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            if set(content) != {field.name for field in fields(cls)}:
                missing = sorted({field.name for field in fields(cls)} ^ set(content))
                raise ContractError(
                    f"model card: field(s) {missing} missing or unknown; retrain, its release wrote others"
                )
            card = cls(
                **{**content, "inputs": tuple(content["inputs"]), "limits": tuple(content["limits"])},
            )
            lengths = {len(numbers) for numbers in card.held_out.values()}
        except (AttributeError, TypeError, ValueError) as error:
            raise ContractError(f"model card: not a card ({str(error)[:160]}); retrain the model") from error
        if card.target not in TARGETS or lengths - {len(HORIZONS)}:
            raise ContractError(
                f"model card: target {card.target!r}, allowed {list(TARGETS)}; held_out needs {len(HORIZONS)} numbers each"
            )
        return card
