"""The answer as one self-contained page: numbers first, then charts, then the page that holds them."""
