"""`bootstrap status`: the Applications by wave, and what each waits for."""
