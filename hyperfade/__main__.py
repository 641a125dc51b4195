"""Lets ``python -m hyperfade`` do what ``hyperfade`` does."""

from hyperfade.cli import main

if __name__ == "__main__":
    main()
