"""`bootstrap graph`: draw the app of apps, an app's objects, or who talks to whom."""
