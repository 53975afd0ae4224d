"""`python -m sentiment_lab` is `sentiment-lab`."""

from sentiment_lab.cli.main import main

if __name__ == "__main__":  # a worker process imports it again
    main()
