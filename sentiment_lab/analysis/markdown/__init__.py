"""The answer as part of a Markdown page that stays: question, verdict, tables, figures, and where they come from."""
