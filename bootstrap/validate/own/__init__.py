"""A repository's own rules: `checks/*.yaml`, CEL over an object and over all objects of its cluster."""
