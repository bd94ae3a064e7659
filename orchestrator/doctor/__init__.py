"""Whether this machine, a project and its switch are fit to carry calls: facts in, findings out."""
