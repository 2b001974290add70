"""`bootstrap upgrade`: a newer catalog, Argo CD or charts into a layout that is there."""
