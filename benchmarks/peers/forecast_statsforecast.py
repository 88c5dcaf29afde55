"""AutoETS and Theta beside the blend: a model for each series and origin, median and 80 % band; one thread.

``python forecast_statsforecast.py ROWS.npz ANSWER.npz`` in an environment of its own.
"""

import sys
import time

import numpy as np
from statsforecast.models import AutoETS, Theta


def main() -> None:
    given = np.load(sys.argv[1])
    horizons = given["changes_0"].shape[1]
    answer = {}
    for name, model in (("autoets", AutoETS(season_length=7)), ("theta", Theta(season_length=7))):
        told = np.zeros((len(given["series"]), horizons, 3))
        model.forecast(given["series"][0][-60:], h=horizons, level=[80])  # compiled code loads
        began = time.process_time()
        for i, series in enumerate(given["series"]):
            known = series[np.isfinite(series)]
            said = model.forecast(known, h=horizons, level=[80])
            for k, part in enumerate(("lo-80", "mean", "hi-80")):
                told[i, :, k] = said[part] - known[-1]
        answer[f"seconds_{name}"] = time.process_time() - began
        answer[f"told_{name}"] = np.sort(told, axis=2)
    np.savez(sys.argv[2], **answer)


if __name__ == "__main__":
    main()
