"""Evaluation of models: likelihoods, accuracy, baselines, and the paper's results."""
