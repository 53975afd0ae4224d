"""Recurrent networks in Keras and linear baselines in scikit-learn."""
