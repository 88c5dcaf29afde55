"""Price impact by regression: they need signed order flow or a market return, which the daily panel does not carry.

They are called directly by whoever holds those series; being no daily measures they are not in the registry.
"""

from liquidity.measures.impact.hasbrouck_lambda import HasbrouckLambda, hasbrouck_lambda
from liquidity.measures.impact.kyle_lambda import KyleLambda, kyle_lambda
from liquidity.measures.impact.pastor_stambaugh import PastorStambaugh, pastor_stambaugh

__all__ = [
    "HasbrouckLambda",
    "KyleLambda",
    "PastorStambaugh",
    "hasbrouck_lambda",
    "kyle_lambda",
    "pastor_stambaugh",
]
