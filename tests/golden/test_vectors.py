"""Every golden case through the production functions; the folder is ``GOLDEN_VECTORS`` or the one beside this file."""

import gzip
import importlib.util
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liquidity.domain.errors import LiquidityError

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("GOLDEN_VECTORS") or HERE / "vectors")


def _load_answers() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("golden_answers", HERE / "answers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ANSWERS


ANSWERS = _load_answers()


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for case in document.get("cases", ()):
            yield pytest.param(case, id=case["id"])


CASES = list(cases())


def table(path: Path) -> dict[str, np.ndarray]:
    """Open, high, low and close of a compressed CSV; an empty cell is missing."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        names = [name.strip().strip('"').lower() for name in file.readline().split(",")]
        columns = np.genfromtxt(file, delimiter=",", unpack=True)
    return dict(zip(names, columns, strict=True))


def read_inputs(inputs: Any) -> Any:
    """Replace references to data files by their columns, at the top or inside an input."""
    if isinstance(inputs, dict):
        if set(inputs) == {"csv_gz"}:
            return table(FOLDER / inputs["csv_gz"])
        return {name: read_inputs(value) for name, value in inputs.items()}
    return inputs


def differences(got: Any, expected: Any, rel: float, absolute: float, where: str = "") -> Iterator[str]:
    if expected is None:
        if got is not None and not (isinstance(got, float) and math.isnan(got)):
            yield f"{where}: expected missing, got {got!r}"
    elif isinstance(expected, dict):
        for name, value in expected.items():
            if name not in got:
                yield f"{where}.{name}: no such output"
            else:
                yield from differences(got[name], value, rel, absolute, f"{where}.{name}")
    elif isinstance(expected, list):
        if got is None or len(got) != len(expected):
            yield f"{where}: expected {len(expected)} elements, got {got!r}"
        else:
            for position, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
                yield from differences(mine, theirs, rel, absolute, f"{where}[{position}]")
    elif expected in ("inf", "-inf"):
        if got != float(expected):
            yield f"{where}: expected {expected}, got {got!r}"
    elif isinstance(expected, bool | str):
        if got != expected:
            yield f"{where}: expected {expected!r}, got {got!r}"
    elif (
        isinstance(got, bool)
        or not isinstance(got, int | float | np.number)
        or not abs(got - expected) <= absolute + rel * abs(expected)
    ):
        yield f"{where}: expected {expected!r}, got {got!r}"


def asks_for_an_error(expected: Any) -> bool:
    """Whether the case expects a refusal, as the definition of a model may (an order size of 0)."""
    return expected == "error" or (isinstance(expected, dict) and expected.get("error") not in (None, False))


@pytest.mark.parametrize("case", CASES)
def test_vector(case: dict[str, Any]) -> None:
    assert case["model"] in ANSWERS, f"no production function answers {case['model']!r}; add it to answers.py"
    inputs, tolerance = read_inputs(case["inputs"]), case["tolerance"]
    if asks_for_an_error(case["expected"]):
        with pytest.raises(LiquidityError):
            ANSWERS[case["model"]](**inputs)
        return
    got = ANSWERS[case["model"]](**inputs)
    found = list(differences(got, case["expected"], tolerance["rel"], tolerance["abs"]))
    assert not found, "\n".join(found)


def test_the_folder_holds_cases() -> None:
    assert CASES, f"no case in {FOLDER}"


@pytest.mark.skipif("GOLDEN_VECTORS" in os.environ, reason="speaks of the vectors kept here")
def test_every_answer_is_asked_for() -> None:
    assert set(ANSWERS) == {case.values[0]["model"] for case in CASES}


@pytest.mark.parametrize(
    ("got", "expected"),
    [(0.0, None), (None, 0.0), (1.001, 1.0), ([1.0], [1.0, 2.0]), ({}, {"a": None}), (1.0, "inf"), (True, 1.0)],
)
def test_the_comparison_sees_differences(got: Any, expected: Any) -> None:
    assert list(differences(got, expected, rel=1e-9, absolute=1e-12))


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (math.nan, None),
        (None, None),
        (1, 1.0),
        (math.inf, "inf"),
        ({"a": 1.0, "b": 2.0}, {"a": 1.0}),
        ((1.0, None), [1, None]),
    ],
)
def test_the_comparison_sees_agreement(got: Any, expected: Any) -> None:
    assert not list(differences(got, expected, rel=1e-9, absolute=1e-12))
