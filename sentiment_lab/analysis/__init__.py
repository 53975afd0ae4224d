"""What the runs say together: tables, statistics, figures. Never imports keras."""
