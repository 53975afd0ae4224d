"""`python -m sentiment_lab` runs `sentiment-lab`."""

from sentiment_lab.cli.main import main

if __name__ == "__main__":  # worker processes import this module under another name
    main()
