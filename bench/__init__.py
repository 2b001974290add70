"""Measurements: `python -m bench`; what is compared with what stands in each module."""
