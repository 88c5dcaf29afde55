"""From the daily panel to features: rolling statistics, seasonality, stability, anomalies, freshness, own-history ranks."""

__all__: list[str] = []
