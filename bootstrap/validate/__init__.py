"""The rules of `validate`, and the one engine that runs them."""
