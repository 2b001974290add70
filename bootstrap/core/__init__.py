"""What everyone needs: errors, output, the surroundings of a run."""
