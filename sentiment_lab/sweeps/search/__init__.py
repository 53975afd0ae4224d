"""A search by Optuna in place of a grid."""
