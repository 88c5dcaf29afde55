"""Nine statistics of a sliding window in one pass, compiled; ``nine.py`` is the same arithmetic in plain numpy.

Imported on first use only (numba costs 0.6 s). Both paths add in the same order, so they agree bit for bit.
"""

from typing import Any

import numba
import numpy as np

from liquidity.domain.compiled import compiled

__all__ = ["nine_statistics"]

_F8 = numba.types.Array(numba.float64, 1, "C")
_I8 = numba.types.Array(numba.int64, 1, "C")
_B1 = numba.types.Array(numba.boolean, 1, "C")
_OUT = numba.types.Array(numba.float64, 2, "C")
_SIGNATURE = numba.void(_F8, _F8, _I8, _I8, _B1, _OUT)


def _nine_statistics(
    values: Any, days: Any, starts: Any, stops: Any, has_newest: Any, out: Any
) -> None:  # pragma: no cover - compiled
    longest = 1
    for i in range(starts.size):
        longest = max(longest, stops[i] - starts[i])
    ordered = np.empty(longest + 1, np.float64)
    held_start, held_stop, held = 0, 0, 0
    for i in range(starts.size):
        start, stop = starts[i], stops[i]
        n = stop - start
        if n <= 0:
            for k in range(9):
                out[k, i] = np.nan
            continue
        if start < held_start or stop < held_stop or start >= held_stop:
            held_start, held_stop, held = start, start, 0
        # Slide: replace leavers by newcomers pairwise, then insert or remove what is left over.
        while held_start < start and held_stop < stop:
            gone, new = values[held_start], values[held_stop]
            held_start += 1
            held_stop += 1
            at = 0
            to = 0
            for k in range(held):
                at += ordered[k] < gone
                to += ordered[k] < new
            if new > gone:
                for k in range(at, to - 1):
                    ordered[k] = ordered[k + 1]
                ordered[to - 1] = new
            else:
                for k in range(at, to, -1):
                    ordered[k] = ordered[k - 1]
                ordered[to] = new
        while held_start < start:
            gone = values[held_start]
            held_start += 1
            at = 0
            for k in range(held):
                at += ordered[k] < gone
            held -= 1
            for k in range(at, held):
                ordered[k] = ordered[k + 1]
        while held_stop < stop:
            new = values[held_stop]
            held_stop += 1
            at = held
            while at > 0 and ordered[at - 1] > new:
                ordered[at] = ordered[at - 1]
                at -= 1
            ordered[at] = new
            held += 1

        left = n // 2
        right = n - left
        median = ordered[left] if n % 2 == 1 else 0.5 * (ordered[left - 1] + ordered[left])

        # Sums of deviations from the median in four lanes (lane = place in the window modulo 4).
        last_day = days[stop - 1]
        a0 = a1 = a2 = a3 = 0.0
        b0 = b1 = b2 = b3 = 0.0
        c0 = c1 = c2 = c3 = 0.0
        t0 = t1 = t2 = t3 = 0.0
        u0 = u1 = u2 = u3 = 0.0
        k = start
        while k + 3 < stop:
            d0, d1, d2, d3 = (
                values[k] - median,
                values[k + 1] - median,
                values[k + 2] - median,
                values[k + 3] - median,
            )
            s0, s1, s2, s3 = (
                days[k] - last_day,
                days[k + 1] - last_day,
                days[k + 2] - last_day,
                days[k + 3] - last_day,
            )
            a0 += d0
            a1 += d1
            a2 += d2
            a3 += d3
            b0 += d0 * d0
            b1 += d1 * d1
            b2 += d2 * d2
            b3 += d3 * d3
            c0 += s0 * d0
            c1 += s1 * d1
            c2 += s2 * d2
            c3 += s3 * d3
            t0 += s0
            t1 += s1
            t2 += s2
            t3 += s3
            u0 += s0 * s0
            u1 += s1 * s1
            u2 += s2 * s2
            u3 += s3 * s3
            k += 4
        if k < stop:
            d0 = values[k] - median
            s0 = days[k] - last_day
            a0 += d0
            b0 += d0 * d0
            c0 += s0 * d0
            t0 += s0
            u0 += s0 * s0
        if k + 1 < stop:
            d0 = values[k + 1] - median
            s0 = days[k + 1] - last_day
            a1 += d0
            b1 += d0 * d0
            c1 += s0 * d0
            t1 += s0
            u1 += s0 * s0
        if k + 2 < stop:
            d0 = values[k + 2] - median
            s0 = days[k + 2] - last_day
            a2 += d0
            b2 += d0 * d0
            c2 += s0 * d0
            t2 += s0
            u2 += s0 * s0
        sum_d = (a0 + a1) + (a2 + a3)
        sum_dd = (b0 + b1) + (b2 + b3)
        sum_td = (c0 + c1) + (c2 + c3)
        sum_t = (t0 + t1) + (t2 + t3)
        sum_tt = (u0 + u1) + (u2 + u3)

        low, high = ordered[0], ordered[n - 1]
        mean = min(max(median + sum_d / n, low), high)
        std = np.nan
        if n > 1:
            std = np.sqrt(max(sum_dd - sum_d * sum_d / n, 0.0) / (n - 1))
        z = np.nan
        if has_newest[i] and std > 0.0:
            z = (values[stop - 1] - mean) / std
        spread_t = n * sum_tt - sum_t * sum_t
        slope = np.nan
        if spread_t > 0.0:
            slope = (n * sum_td - sum_t * sum_d) / spread_t

        place = (9 * (n - 1)) // 10
        rest = ((9 * (n - 1)) % 10) / 10.0
        q90 = ordered[place]
        if rest > 0.0:
            q90 = q90 + (ordered[place + 1] - q90) * rest

        # Deviations from the median are two ascending lists: leftwards and rightwards of the middle.
        # Take the `half` smallest of both by binary search for how many come from the left one.
        half = (n + 1) // 2
        lo = max(0, half - right)
        hi = min(half, left)
        while lo < hi:
            mid = (lo + hi) // 2
            if median - ordered[left - 1 - mid] < ordered[left + half - mid - 1] - median:
                lo = mid + 1
            else:
                hi = mid
        from_right = half - lo
        largest = 0.0
        if lo > 0:
            largest = median - ordered[left - lo]
        if from_right > 0:
            largest = max(largest, ordered[left + from_right - 1] - median)
        mad = largest
        if n % 2 == 0:
            following = np.inf
            if lo < left:
                following = median - ordered[left - 1 - lo]
            if from_right < right:
                following = min(following, ordered[left + from_right] - median)
            mad = 0.5 * (largest + following)

        out[0, i] = mean
        out[1, i] = std
        out[2, i] = low
        out[3, i] = high
        out[4, i] = z
        out[5, i] = median
        out[6, i] = q90
        out[7, i] = mad
        out[8, i] = slope


nine_statistics = compiled(_SIGNATURE)(_nine_statistics)
"""Fill ``out`` (9, evaluations) with mean, std, min, max, z, median, q90, mad, slope of ``values[start:stop]``.

``values`` are finite, in time order within each instrument, ``days`` their days as float64. Spans of neighbouring
evaluations that overlap and move forward are slid; any other order is correct and slower.
"""
