"""The ways in: the tasks extension, tools and a resource for older clients, plain HTTP."""
