"""The suite's resources, discovered like any other package of resources."""
