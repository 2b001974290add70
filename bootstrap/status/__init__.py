"""`bootstrap status`: the Applications by wave, and what each is waiting for."""
