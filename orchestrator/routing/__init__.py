"""The routing graph: where a tenant's calls go, compiled once, rendered, walked and drawn from one place."""
