"""`python -m gemma_keras_ft`: the command line, where no script is on the path."""

from gemma_keras_ft.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
