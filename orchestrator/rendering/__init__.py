"""Model and routing graph, through `templates/`, as the files of a switch. Pure: the same in, the same out."""
