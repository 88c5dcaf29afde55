"""One blocking check per table: its contract's expectations on the stored rows of the run's days."""

from io_managers.contract_checks import contract_check
from liquidity.contracts import ALL_CONTRACTS
from resources.dagster_wiring import DAILY

__all__ = ["CHECKS"]

CHECKS = [contract_check(contract, DAILY) for contract in ALL_CONTRACTS if contract.location == "pulse"]
