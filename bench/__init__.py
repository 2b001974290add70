"""Measurements: `python -m bench`. Each module says what it compares with what."""
