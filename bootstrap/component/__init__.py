"""`bootstrap component`: switch a cluster's components on and off."""
