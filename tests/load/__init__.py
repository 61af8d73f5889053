"""Measurements, as ratios within one run: `make bench`. Not part of the test suite."""
