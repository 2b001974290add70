"""Rules over the resource index; each family a module, all of them listed in catalog.py."""
