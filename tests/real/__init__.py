"""Tests with pods that really run: `make test-real`. `make test` leaves them out."""
