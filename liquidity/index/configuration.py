"""The configuration behind a score as text: what a ``config_hash`` stands for, and back again.

The text is canonical JSON, so equal numbers give equal hashes on every machine, and a hash found in a published row
can be turned back into the profile and thresholds that made it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from liquidity.domain.errors import ConfigError
from liquidity.index.profiles import FeatureWeight, RatingTilt, SectorWeight, WeightProfile
from liquidity.index.thresholds import PulseThresholds

__all__ = ["config_document", "config_hash", "read_configuration", "run_configurations"]


def config_document(profile: WeightProfile, thresholds: PulseThresholds | None = None) -> str:
    """Profile and thresholds as canonical JSON (sorted keys, no spaces)."""
    content = {"profile": asdict(profile), "thresholds": asdict(thresholds or PulseThresholds())}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def config_hash(profile: WeightProfile, thresholds: PulseThresholds | None = None) -> str:
    """First 16 hex digits of the sha256 of :func:`config_document`; any changed number gives another."""
    return hashlib.sha256(config_document(profile, thresholds).encode()).hexdigest()[:16]


def run_configurations(
    profiles: Mapping[str, WeightProfile], thresholds: PulseThresholds | None = None
) -> dict[str, str]:
    """Document of each distinct profile by its hash."""
    return {config_hash(profile, thresholds): config_document(profile, thresholds) for profile in profiles.values()}


def read_configuration(document: str) -> tuple[WeightProfile, PulseThresholds]:
    """Profile and thresholds of a :func:`config_document`.

    Raises
    ------
    ConfigError
        The text is not such a document, or of a release whose profiles had other fields.
    """
    try:
        content: dict[str, Any] = json.loads(document)
        stored: dict[str, Any] = content["profile"]
        profile = WeightProfile(
            **{
                **stored,
                "asset_classes": tuple(stored["asset_classes"]),
                "liquidity": tuple(FeatureWeight(**item) for item in stored["liquidity"]),
                "repayment": tuple(FeatureWeight(**item) for item in stored["repayment"]),
                "sector_weights": tuple(SectorWeight(**item) for item in stored["sector_weights"]),
                "default_sector_weight": SectorWeight(**stored["default_sector_weight"]),
                "rating_tilt_points": tuple(RatingTilt(**item) for item in stored["rating_tilt_points"]),
            }
        )
        thresholds = PulseThresholds(**content["thresholds"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ConfigError(
            f"configuration document: not one of this release ({type(error).__name__}: {error}); publish the session again"
        ) from error
    return profile, thresholds
