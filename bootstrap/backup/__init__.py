"""`bootstrap backup`: keep what Git does not have, encrypted; `bootstrap restore` reads it back."""
