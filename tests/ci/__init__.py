"""Tests of what `ci init` lays out, of the action, and of the files for other CIs."""
