"""CatBoost beside the blend: one multi-quantile model for each horizon; 300 trees, other settings as given, one thread.

``python forecast_catboost.py ROWS.npz ANSWER.npz`` in an environment of its own.
"""

import sys
import time

import catboost
import numpy as np


def main() -> None:
    given = np.load(sys.argv[1])
    answer, seconds = {}, 0.0
    levels = ",".join(str(level) for level in given["levels"])
    for block in range(int(given["blocks"])):
        past, changes, ahead = (given[f"{name}_{block}"] for name in ("past", "changes", "ahead"))
        told = np.empty((len(ahead), changes.shape[1], len(given["levels"])))
        for h in range(changes.shape[1]):
            began = time.process_time()
            model = catboost.CatBoostRegressor(
                loss_function=f"MultiQuantile:alpha={levels}",
                iterations=300,
                thread_count=1,
                random_seed=1,
                verbose=False,
                allow_writing_files=False,
            )
            model.fit(past, changes[:, h])
            seconds += time.process_time() - began
            told[:, h] = model.predict(ahead)
        answer[f"told_{block}"] = np.sort(told, axis=2)
    np.savez(sys.argv[2], seconds=seconds, **answer)


if __name__ == "__main__":
    main()
