"""`python -m found.ext.vnstore.server` is `found-vnstore`."""

from found.ext.vnstore.server.command import main

if __name__ == "__main__":
    main()
