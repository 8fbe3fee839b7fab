"""What is deployed, and what makes it."""
