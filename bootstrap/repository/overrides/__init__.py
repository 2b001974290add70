"""What an Application changes of what its folder has, as Argo CD does it."""
