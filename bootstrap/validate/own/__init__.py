"""Rules of a repository's own: `checks/*.yaml`, CEL over an object and over all of its cluster."""
