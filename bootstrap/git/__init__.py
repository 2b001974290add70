"""Run git: branches without a checkout, URLs, identity, credentials."""
