"""Model and routing graph, through `templates/`, as the files of a switch. Pure and repeatable."""
