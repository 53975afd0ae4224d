"""Blocks of a Markdown page that answer a question: verdict, tables, figures, notes, and how to reproduce them."""
