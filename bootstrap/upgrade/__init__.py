"""`bootstrap upgrade`: bring an existing layout to a newer catalog, Argo CD or charts."""
