"""What `make deploy` does before it asks Docker, and the files that it ships."""
