"""Analysis of stored runs: variants, statistics, comparison, exports, charts and pages. Never imports keras."""
