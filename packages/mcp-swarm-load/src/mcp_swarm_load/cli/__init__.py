"""The command line: the options, the run command and the report command."""
