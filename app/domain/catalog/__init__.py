"""What is sold and who makes it: models, their prices, options and provider routes."""
