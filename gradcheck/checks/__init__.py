"""One question a file: the gradient, kinks, precision, exactness, the contract; each returns findings or results."""
