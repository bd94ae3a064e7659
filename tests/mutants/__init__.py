"""Each function of docs/functions.md switched off in what is rendered: its test must notice."""
