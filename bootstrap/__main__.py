"""`python -m bootstrap` is the console script `bootstrap`."""

from bootstrap.main import main

if __name__ == "__main__":
    main()
