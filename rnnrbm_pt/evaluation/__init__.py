"""How good a model is: likelihoods, accuracy, simple models to compare with, published figures."""
