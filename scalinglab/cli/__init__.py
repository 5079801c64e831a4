"""The command line: a table of runs in, an answer out; what it says is computed in the other folders."""
