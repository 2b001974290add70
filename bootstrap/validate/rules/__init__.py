"""The rules, one module per family; ruleset.py lists them."""
