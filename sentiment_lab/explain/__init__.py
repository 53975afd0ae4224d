"""Why a model predicts what it does, and how that is shown."""
