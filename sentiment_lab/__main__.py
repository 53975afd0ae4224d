"""`python -m sentiment_lab` is `sentiment-lab`."""

from sentiment_lab.cli import main

main()
