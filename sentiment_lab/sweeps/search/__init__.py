"""Search by Optuna instead of a grid."""
