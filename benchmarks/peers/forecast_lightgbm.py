"""LightGBM beside the blend: fifteen quantile models, 10, 50 and 90 % for each horizon; default settings, one thread.

``python forecast_lightgbm.py ROWS.npz ANSWER.npz`` in an environment of its own.
"""

import sys
import time

import lightgbm
import numpy as np


def main() -> None:
    given = np.load(sys.argv[1])
    answer, seconds = {}, 0.0
    for block in range(int(given["blocks"])):
        past, changes, ahead = (given[f"{name}_{block}"] for name in ("past", "changes", "ahead"))
        told = np.empty((len(ahead), changes.shape[1], len(given["levels"])))
        for h, k in np.ndindex(*told.shape[1:]):
            began = time.process_time()
            settings = {
                "objective": "quantile",
                "alpha": float(given["levels"][k]),
                "num_threads": 1,
                "seed": 1,
                "verbosity": -1,
            }
            model = lightgbm.train(settings, lightgbm.Dataset(past, changes[:, h]), num_boost_round=100)
            seconds += time.process_time() - began
            told[:, h, k] = model.predict(ahead)
        answer[f"told_{block}"] = np.sort(told, axis=2)
    np.savez(sys.argv[2], seconds=seconds, **answer)


if __name__ == "__main__":
    main()
