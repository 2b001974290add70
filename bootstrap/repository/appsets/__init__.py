"""What ApplicationSets make: generators, the two template languages, and the functions of Sprig."""
