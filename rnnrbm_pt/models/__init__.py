"""The models: what users train, save and generate with."""
