"""The product: what users and operators can do, and the rules that keep their money and results."""
