"""Foundations that every package uses: errors, output, the environment of a run."""
