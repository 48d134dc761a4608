"""`python -m quest82`: the command, where it is installed but not on the search path."""

from .cli import main

main()
