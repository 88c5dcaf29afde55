"""Order-book peers that cannot share our environment; ``run.py`` installs and times them beside our engine."""
