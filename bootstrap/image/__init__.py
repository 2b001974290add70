"""`bootstrap image`: find the images of a repository and change them."""
