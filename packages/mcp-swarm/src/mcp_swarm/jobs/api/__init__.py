"""The APIs of jobs: the tasks extension, tools and a resource for other clients, plain HTTP."""
