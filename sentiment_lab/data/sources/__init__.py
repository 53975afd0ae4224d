"""Reading reviews: the IMDB archive and its other forms, tables, downloads."""
