"""`bootstrap diff`: what differs in the rendered objects."""
