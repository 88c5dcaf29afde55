"""Solve the problem of FILE with skfolio, answer into FILE: weights and processor seconds of the best of two rounds.

It knows no 3/2-power cost: problems for it have linear ones. It is given the covariance as a matrix, as its own estimators
of moments would hand it over.
"""

import sys
import time

import numpy as np
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk, ObjectiveFunction
from skfolio.prior import BasePrior, ReturnDistribution


class Given(BasePrior):
    """The distribution of the problem in place of an estimate."""

    def __init__(self, distribution: ReturnDistribution) -> None:
        self.distribution = distribution

    def fit(self, X: np.ndarray, y: object = None, **others: object) -> "Given":  # noqa: N803 - scikit-learn's word
        """Hand over what was given."""
        self.return_distribution_ = self.distribution
        self.n_features_in_ = X.shape[1]
        return self


def main() -> None:
    given = np.load(sys.argv[1])
    loadings, rest = given["loadings"], given["specific_variance"]
    returns = np.zeros((2, len(rest)))
    distribution = ReturnDistribution(
        mu=given["expected_return"],
        covariance=loadings.T @ loadings + np.diag(rest),
        returns=returns,
    )
    best = float("inf")
    for _ in range(2):
        model = MeanRisk(
            objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
            risk_measure=RiskMeasure.VARIANCE,
            risk_aversion=float(given["risk_aversion"]) / 2.0,
            prior_estimator=Given(distribution),
            min_weights=0.0,
            max_weights=float(given["max_weight"]),
            budget=None,
            min_budget=0.0,
            max_budget=1.0,
            transaction_costs=given["linear"],
            previous_weights=given["current"],
            left_inequality=(given["illiquid"].astype(float) - float(given["max_illiquid"]))[None, :],
            right_inequality=np.zeros(1),
        )
        began = time.process_time()
        model.fit(returns)
        best = min(best, time.process_time() - began)
    np.savez(sys.argv[2], weights=model.weights_, seconds=best)


if __name__ == "__main__":
    main()
