"""A plan: steps as data, shown and executed."""
