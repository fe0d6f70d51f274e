"""`python -m envbuild`."""

from envbuild.cli.main import main

if __name__ == "__main__":
    main()
