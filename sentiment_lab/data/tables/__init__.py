"""Reading tables from files: compressed or not, in several encodings and separators, into rows of named columns."""
