"""`bootstrap trace`: follow a request to its data, hop by hop."""
