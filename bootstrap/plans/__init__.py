"""Pure: settings and observed state become a `Plan`."""
