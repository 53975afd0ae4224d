"""What every other package uses: files, errors, signals, the terminal."""
