"""One edit of a repository: in files, or as a commit that is retried."""
