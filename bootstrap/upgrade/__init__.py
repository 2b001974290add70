"""`bootstrap upgrade`: merge a newer catalog, Argo CD or charts into an existing layout."""
