"""The one way in which kernels are compiled: same numbers with and without a cache folder, lock-free, in threads too."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

from liquidity.domain.compiled import compiled

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="the compiler is switched off")

_KERNEL = """
from liquidity.domain.compiled import compiled

@compiled("float64(float64[::1])")
def total(values):
    out = 0.0
    for value in values:
        out += value
    return out

if __name__ == "__main__":
    import numpy as np
    print(total(np.array([0.1, 0.2, 0.3])).hex(), type(total._cache).__name__, sum(total.stats.cache_hits.values()))
"""


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    """Kept code would hide a change of the options, which are not in numba's key."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "numba"))


def _run(folder: Path, cache: Path | None) -> list[str]:
    kernel = folder / "kernel.py"
    kernel.write_text(_KERNEL) if not kernel.exists() else None
    environment = {"PYTHONPATH": str(Path(__file__).parents[3])} | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    found = subprocess.run([sys.executable, str(kernel)], env=environment, capture_output=True, text=True, check=True)
    return found.stdout.split()


def test_machine_code_is_kept_on_disk_and_used_by_the_next_process(tmp_path):
    first, second = _run(tmp_path, tmp_path / "kept"), _run(tmp_path, tmp_path / "kept")
    assert list((tmp_path / "kept").rglob("*.nbc"))
    assert first == [(0.1 + 0.2 + 0.3).hex(), "FunctionCache", "0"]
    assert second == [first[0], "FunctionCache", "1"]


def test_where_no_cache_folder_can_be_written_the_same_numbers_come_without_one(monkeypatch):
    real, asked = numba.njit, []

    def njit(*given, **options):
        if "nogil" in options:  # numba's own functions come this way too
            asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'half': no locator available for file 'x.py'")
        return real(*given, **options)

    monkeypatch.setattr(numba, "njit", njit)

    @compiled("float64(float64)")
    def half(value):
        return value / 2.0

    assert half(3.0) == 1.5
    with_cache, without = asked
    assert with_cache == without | {"cache": True}, "only the cache differs"


def test_any_other_failure_is_not_hidden(monkeypatch):
    def njit(*given, **options):
        raise RuntimeError("no space left")

    monkeypatch.setattr(numba, "njit", njit)
    with pytest.raises(RuntimeError, match="no space left"):
        compiled()(lambda: 0)


def test_only_the_named_types_are_taken():
    @compiled("float64(float64[::1])", "float64(int64[::1])")
    def first(values):
        return values[0]

    assert first(np.array([2.5])) == 2.5
    assert first(np.array([2])) == 2.0
    with pytest.raises(TypeError, match="No matching definition"):
        first(np.array([2.5], dtype=np.float32))


def test_without_signature_the_first_calls_of_many_threads_compile_once():
    @compiled()
    def summed(values):
        out = 0.0
        for value in values:
            out += value
        return out

    assert not summed.signatures, "nothing is compiled before the first call"
    values = np.arange(1000.0)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: summed(values), range(32)))
    assert set(results) == {499500.0}
    assert len(summed.signatures) == 1


@pytest.mark.parametrize("error_model", ["numpy", "python"])
def test_division_by_zero_is_as_asked(error_model):
    @compiled("float64(float64, float64)", error_model=error_model)
    def ratio(over, under):
        return over / under

    if error_model == "python":
        with pytest.raises(ZeroDivisionError):
            ratio(1.0, 0.0)
    else:
        assert ratio(1.0, 0.0) == np.inf
        assert np.isnan(ratio(0.0, 0.0))


def test_a_function_that_allocates_is_refused_without_reference_counts():
    with pytest.raises(numba.core.errors.TypingError, match="returning of array passed into the function"):

        @compiled("float64(int64)", counts_references=False)
        def made(n):
            return np.zeros(n).sum()


def test_sums_are_not_reordered():
    """1e16 + 1 + ... + 1 one at a time stays 1e16; added side by side, as fast mathematics would, it does not."""

    @compiled("float64(float64[::1])")
    def total(values):
        out = 0.0
        for value in values:
            out += value
        return out

    assert total(np.concatenate([[1e16], np.ones(1024)])) == 1e16
