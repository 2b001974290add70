"""Steps as data, shown and executed."""
