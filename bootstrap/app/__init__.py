"""`bootstrap app` and `bootstrap env`: lay out apps and environments, list and remove them."""
