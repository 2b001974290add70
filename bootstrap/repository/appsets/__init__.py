"""What ApplicationSets generate: generators, the two template languages, and the functions of Sprig."""
